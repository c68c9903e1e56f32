#pragma once

#include "xmpp/ns.hpp"
#include "xmpp/payload/codec.hpp"

namespace parley::xmpp {

struct Ping {  // XEP-0199; the answer is an empty result
    bool operator==(const Ping&) const = default;
};

template <>
struct Codec<Ping> {
    static constexpr xml::Name name{ns::ping, "ping"};
    static Result<Ping> decode(const xml::Element&) { return Ping{}; }
    static xml::Element encode(const Ping&) { return xml::Element(name); }
};
static_assert(Payload<Ping>);

}  // namespace parley::xmpp
