#include "base/random.hpp"

#include <array>
#include <limits>
#include <stdexcept>
#include <utility>

#include <openssl/rand.h>

namespace parley {

std::string Random::hex(std::size_t bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    out.reserve(bytes * 2);
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
        if (i % 8 == 0) word = next();
        out += digits[(word >> 4) & 15];
        out += digits[word & 15];
        word >>= 8;
    }
    return out;
}

std::uint64_t Random::below(std::uint64_t bound) {
    // Values above the last whole multiple of `bound` would favour small results; draw again.
    const auto limit = std::numeric_limits<std::uint64_t>::max() - std::numeric_limits<std::uint64_t>::max() % bound;
    for (;;) {
        if (const auto value = next(); value < limit) return value % bound;
    }
}

// Drawn in blocks: a call of OpenSSL costs the same for eight bytes and for a thousand, and ids are needed all the
// time.
std::uint64_t SystemRandom::next() {
    static thread_local std::array<std::uint64_t, 64> block;
    static thread_local std::size_t used = block.size();
    if (used == block.size()) {
        if (RAND_bytes(reinterpret_cast<unsigned char*>(block.data()), sizeof block) != 1)
            throw std::runtime_error("the operating system gave no random bytes");
        used = 0;
    }
    return std::exchange(block[used++], 0);  // a secret made of it is not left lying here
}

std::uint64_t SeededRandom::next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    auto z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

}  // namespace parley
