#pragma once

#include <chrono>

#include "base/clock.hpp"
#include "xmpp/ns.hpp"
#include "xmpp/payload/codec.hpp"

namespace parley::xmpp {

struct EntityTime {  // XEP-0202: the answer; a request is the empty element
    TimePoint utc{};
    std::chrono::minutes offset{0};  // of the entity's time zone
    bool operator==(const EntityTime&) const = default;
};

template <>
struct Codec<EntityTime> {
    static constexpr xml::Name name{ns::time, "time"};
    static Result<EntityTime> decode(const xml::Element& element);
    static xml::Element encode(const EntityTime& time);
};
static_assert(Payload<EntityTime>);

}  // namespace parley::xmpp
