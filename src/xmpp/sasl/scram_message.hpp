#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"

namespace parley::xmpp {

// What must be known of a SCRAM client-first-message before the keys are looked up (RFC 5802 7); GNU SASL reads the
// rest.
struct ScramClientFirst {
    std::string authzid;   // unescaped; empty when absent
    std::string username;  // unescaped, as sent
    bool operator==(const ScramClientFirst&) const = default;
};
// malformed: not its grammar, or the reserved attribute `m`, which we do not know (RFC 5802 5.1).
Result<ScramClientFirst> parse_scram_client_first(std::string_view message);

// RFC 4616 2: [authzid] NUL authcid NUL passwd.
struct PlainMessage {
    std::string authzid;
    std::string username;
    std::string password;
    bool operator==(const PlainMessage&) const = default;
};
Result<PlainMessage> parse_plain(std::string_view message);

}  // namespace parley::xmpp
