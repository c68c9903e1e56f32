#include "net/tls_memory.hpp"

#include <array>
#include <cstddef>
#include <cstdlib>
#include <malloc.h>

#include <openssl/crypto.h>

namespace parley::net {
namespace {

// A TLS record of 16 KiB with what OpenSSL puts around it. All in this range get the largest size, so that each serves
// for every other.
constexpr std::size_t least = std::size_t{16} * 1024;
constexpr std::size_t most = std::size_t{20} * 1024;
constexpr std::size_t slack = 64;  // by which malloc may give more

thread_local bool spare_is_gone = false;  // the thread ends

class Spare {
public:
    ~Spare() {
        spare_is_gone = true;
        while (count_ > 0) std::free(kept_.at(--count_));
    }
    void* take() { return count_ > 0 ? kept_.at(--count_) : std::malloc(most); }
    bool give(void* buffer) {
        if (count_ == kept_.size()) return false;
        kept_.at(count_++) = buffer;
        return true;
    }

private:
    std::array<void*, 8> kept_{};
    std::size_t count_ = 0;
};

Spare& spare() {
    static thread_local Spare buffers;
    return buffers;
}

void* allocate(std::size_t size, const char*, int) {
    if (size >= least && size <= most && !spare_is_gone) return spare().take();
    return std::malloc(size);
}

void* reallocate(void* block, std::size_t size, const char*, int) {
    return std::realloc(block, size);
}

void release(void* block, const char*, int) {
    if (block == nullptr) return;
    const auto size = malloc_usable_size(block);
    if (size >= most && size <= most + slack && !spare_is_gone && spare().give(block)) return;
    std::free(block);
}

}  // namespace

void keep_record_buffers() {
    CRYPTO_set_mem_functions(&allocate, &reallocate, &release);
}

}  // namespace parley::net
