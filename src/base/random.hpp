#pragma once

#include <cstdint>
#include <string>

namespace parley {

// Where unguessable values come from. Tests give a seeded one, so that a whole run can be repeated.
class Random {
public:
    virtual ~Random() = default;
    virtual std::uint64_t next() = 0;

    // `bytes` random bytes as lower-case hexadecimal digits (two a byte).
    std::string hex(std::size_t bytes);
    // Uniform in [0, bound); bound > 0.
    std::uint64_t below(std::uint64_t bound);
};

// From the operating system by OpenSSL's generator. Safe from any thread.
class SystemRandom final : public Random {
public:
    std::uint64_t next() override;
};

// SplitMix64 from a seed: for tests and simulations only.
class SeededRandom final : public Random {
public:
    explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() override;

private:
    std::uint64_t state_;
};

}  // namespace parley
