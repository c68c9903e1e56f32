#pragma once

#include <optional>
#include <string>

#include "base/clock.hpp"
#include "xmpp/ns.hpp"
#include "xmpp/payload/codec.hpp"

namespace parley::xmpp {

struct Delay {  // XEP-0203 Delayed Delivery
    TimePoint stamp{};
    std::optional<Jid> from;
    std::string reason;
    bool operator==(const Delay&) const = default;
};

template <>
struct Codec<Delay> {
    static constexpr xml::Name name{ns::delay, "delay"};
    static Result<Delay> decode(const xml::Element& element);
    static xml::Element encode(const Delay& delay);
};
static_assert(Payload<Delay>);

}  // namespace parley::xmpp
