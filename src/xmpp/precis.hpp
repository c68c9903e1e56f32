#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"

namespace parley::xmpp {

// RFC 8264/8265 profiles as RFC 7622 uses them. Input is UTF-8; each result is stable under a second run and between 1
// and 1023 bytes. ASCII takes a fast path.
Result<std::string> prepare_localpart(std::string_view text);     // UsernameCaseMapped, less RFC 7622 3.3.1's "&'/:<>@
Result<std::string> prepare_domainpart(std::string_view text);    // U-labels by IDNA2008, or an IP literal; lower case
Result<std::string> prepare_resourcepart(std::string_view text);  // OpaqueString
Result<std::string> prepare_password(std::string_view text);      // RFC 8265 OpaqueString for SCRAM and PLAIN

}  // namespace parley::xmpp
