#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace parley::xmpp {

// RFC 6120 6.4.2: how bytes stand in <auth/>, <challenge/>, <response/> and <success/>. An empty element says that
// there are none, "=" that there are zero of them.
std::string encode_sasl_data(const std::optional<std::string>& bytes);
// Over sasl_data_max characters: too_long. Not base64: malformed, which a peer is told as <incorrect-encoding/>.
Result<std::optional<std::string>> decode_sasl_data(std::string_view text);

inline constexpr std::size_t sasl_data_max = 8 * 1024;

// The initial response of EXTERNAL on a server-to-server stream (RFC 6120 6.3.8, XEP-0178): the sending domain as
// authorization identity.
inline std::string external_initial_response(std::string_view domain) {
    return encode_sasl_data(std::string(domain));
}

}  // namespace parley::xmpp
