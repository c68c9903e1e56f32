#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace parley {

std::string sha1(std::string_view bytes);    // 20 raw bytes; only where a standard names it
std::string sha256(std::string_view bytes);  // 32 raw bytes
std::string hmac_sha256(std::string_view key, std::string_view bytes);
bool equal_in_constant_time(std::string_view a, std::string_view b);

std::uint64_t xxh64(std::string_view bytes);  // for slots and tables; not against an adversary

}  // namespace parley
