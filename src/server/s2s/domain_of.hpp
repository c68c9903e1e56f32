#pragma once

#include <string>
#include <string_view>

#include "xmpp/jid.hpp"

namespace parley::server {

// The domain that an attribute of a stream names; empty when it is none.
inline std::string domain_of(std::string_view attribute) {
    const auto jid = xmpp::Jid::parse(attribute);
    return jid && jid->is_domain() ? jid->domain() : std::string{};
}

}  // namespace parley::server
