#pragma once

#include <string>
#include <string_view>

namespace parley::server {

// XEP-0185: HMAC-SHA256(SHA256(secret), "receiving originating id") as hexadecimal digits: any node that shares the
// secret can verify it.
std::string dialback_key(std::string_view secret, std::string_view receiving, std::string_view originating,
                         std::string_view stream_id);

// XEP-0220 2.2.2: the answer for `asking`, who was shown `key` on its stream `id` as one of `ours`.
std::string answer_about_key(std::string_view secret, std::string_view asking, std::string_view ours,
                             std::string_view id, std::string_view key);

}  // namespace parley::server
