#pragma once

#include <cstddef>
#include <cstdint>

#include "base/clock.hpp"

// Every size and count that a peer can drive, in one place. A Record-Route signed by an edge is some 700 bytes and the
// edges of one family put several of them on one line, so a line is allowed far more than the 8 kB they are known to
// use.
namespace parley::sip::limit {

inline constexpr std::size_t head = 64 * 1024;         // start line and header fields, with the empty line
inline constexpr std::size_t header_line = 16 * 1024;  // one line as sent; a folded field is several lines
inline constexpr std::size_t header_fields = 128;
inline constexpr std::size_t body = 64 * 1024;
inline constexpr std::size_t list_values = 256;  // comma-separated values of one header, over all its lines

inline constexpr std::size_t route_set = 32;         // Record-Route values that we are willing to store
inline constexpr std::size_t transactions = 20'000;  // per shard, each direction; above it 503 with Retry-After
inline constexpr std::size_t usages = 200'000;       // dialogs per shard
// No domain takes the place of the others: of both no more than a quarter.
inline constexpr std::size_t transactions_of_domain = transactions / 4;
inline constexpr std::size_t usages_of_domain = usages / 4;
inline constexpr std::size_t queued_messages = 100;  // waiting in one IM session for its set-up or its turn
inline constexpr std::size_t wake_ups = 1'000'000;   // timers of one shard

inline constexpr std::uint32_t cseq_block = 64;          // local CSeq numbers reserved on disk at a time
inline constexpr std::uint32_t max_cseq = 0x7fff'ffff;   // RFC 3261 8.1.1.5
inline constexpr std::uint32_t max_delta = 0xffff'ffff;  // RFC 3261 25.1 delta-seconds; larger ones count as this

}  // namespace parley::sip::limit

// RFC 3261 table 4, as far as reliable transports need it.
namespace parley::sip::timer {

inline constexpr Millis t1{500};
inline constexpr Millis t2{4'000};
inline constexpr Millis transaction{64 * t1};  // B, F, H, L, M and N: 32 s
inline constexpr Millis proceeding{180'000};   // C: how long a provisional response keeps an INVITE alive

inline constexpr Millis unanswered{300'000};  // a request that our own side never answers is forgotten

}  // namespace parley::sip::timer
