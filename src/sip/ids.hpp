#pragma once

#include <compare>
#include <cstdint>

namespace parley::sip {

// Names of things that live in one shard. Zero is nobody. They are not kept over a restart; rows and tags are.
template <class Kind>
struct Id {
    std::uint64_t value = 0;
    explicit operator bool() const { return value != 0; }
    friend auto operator<=>(const Id&, const Id&) = default;
};

namespace kind {
struct Link {};
struct Server {};
struct Client {};
struct Usage {};
struct Text {};
}  // namespace kind

using LinkId = Id<kind::Link>;  // one authenticated connection of this node or another; unique in the cluster
using ServerTransactionId = Id<kind::Server>;  // a request of a peer that waits for our answer
using ClientTransactionId = Id<kind::Client>;  // a request of ours
using UsageId = Id<kind::Usage>;               // a subscription or a session, with its dialog
using MessageId = Id<kind::Text>;              // a text we were asked to send

}  // namespace parley::sip
