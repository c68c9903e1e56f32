#include "base/hash_stream.hpp"

#define XXH_STATIC_LINKING_ONLY  // for the size of the state
#include <xxhash.h>

namespace parley {
namespace {

XXH64_state_t* state_in(void* bytes) {
    static_assert(sizeof(XXH64_state_t) <= 88 && alignof(XXH64_state_t) <= 8);
    return static_cast<XXH64_state_t*>(bytes);
}

}  // namespace

HashStream::HashStream() {
    XXH64_reset(state_in(state_.data()), 0);
}

HashStream& HashStream::add(std::string_view piece) {
    const std::uint64_t size = piece.size();
    XXH64_update(state_in(state_.data()), &size, sizeof size);
    XXH64_update(state_in(state_.data()), piece.data(), piece.size());
    return *this;
}

std::uint64_t HashStream::value() const {
    return XXH64_digest(static_cast<const XXH64_state_t*>(static_cast<const void*>(state_.data())));
}

}  // namespace parley
