#pragma once

#include <string>
#include <string_view>

namespace parley::server {

// XEP-0185: HMAC-SHA256(SHA256(secret), "receiving originating id") as hexadecimal digits: any node that shares the
// secret can verify it.
std::string dialback_key(std::string_view secret, std::string_view receiving, std::string_view originating,
                         std::string_view stream_id);

}  // namespace parley::server
