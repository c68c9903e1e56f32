#pragma once

#include "sip/header/params.hpp"

namespace parley::sip {

// RFC 3261 20.42   via-parm = sent-protocol LWS sent-by *( SEMI via-params )
struct Via {
    std::string version;    // "SIP/2.0"; another one is for the caller to refuse
    std::string transport;  // as sent
    std::string host;
    std::uint16_t port = 0;  // 0: none was given
    Params params;

    std::string_view branch() const;  // "" if there is none
    // 8.1.1.7: unique by RFC 3261's rule, so that it alone names the transaction. A branch that is nothing but the
    // cookie is not (RFC 4475 3.2.1).
    bool has_rfc3261_branch() const;
};

Result<Via> parse_via(std::string_view value);  // one value, not a list

}  // namespace parley::sip
