#pragma once

#include "base/clock.hpp"
#include "xmpp/ns.hpp"
#include "xmpp/payload/codec.hpp"

namespace parley::xmpp {

struct Idle {  // XEP-0319 Last User Interaction in Presence
    TimePoint since{};
    bool operator==(const Idle&) const = default;
};

template <>
struct Codec<Idle> {
    static constexpr xml::Name name{ns::idle, "idle"};
    static Result<Idle> decode(const xml::Element& element);
    static xml::Element encode(const Idle& idle);
};
static_assert(Payload<Idle>);

}  // namespace parley::xmpp
