#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace parley {

// xxh64 of many pieces, without joining them first. Each piece counts with its length: ("ab", "c") and ("a", "bc")
// differ. For tables and names, not against an adversary.
class HashStream {
public:
    HashStream();
    HashStream& add(std::string_view piece);
    std::uint64_t value() const;

private:
    alignas(8) std::array<unsigned char, 88> state_;  // XXH64_state_t, which stays out of the headers
};

}  // namespace parley
