#pragma once

#include <cstdint>

#include "base/hash.hpp"
#include "xmpp/jid.hpp"

namespace parley::cluster {

// Users map to 1024 slots; a slot has one owner node and, inside it, one shard. All state of a user is touched there
// only.
using Slot = std::uint16_t;
inline constexpr std::size_t slots = 1024;

inline Slot slot_of(const xmpp::Jid& user) {
    return static_cast<Slot>(xxh64(user.local() + '@' + user.domain()) & (slots - 1));
}

}  // namespace parley::cluster
