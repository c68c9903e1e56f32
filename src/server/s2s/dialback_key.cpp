#include "server/s2s/dialback_key.hpp"

#include "base/hash.hpp"
#include "base/text.hpp"

namespace parley::server {

std::string dialback_key(std::string_view secret, std::string_view receiving, std::string_view originating,
                         std::string_view stream_id) {
    std::string text(receiving);
    text += ' ';
    text += originating;
    text += ' ';
    text += stream_id;
    return hex_encode(hmac_sha256(hex_encode(sha256(secret)), text));
}

}  // namespace parley::server
