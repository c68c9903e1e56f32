#pragma once

#include <optional>

#include "xmpp/payload/delay.hpp"

namespace parley::xmpp {

struct Forwarded {  // XEP-0297
    std::optional<Delay> delay;
    Stanza stanza;
    bool operator==(const Forwarded&) const = default;
};

template <>
struct Codec<Forwarded> {
    static constexpr xml::Name name{ns::forward, "forwarded"};
    static Result<Forwarded> decode(const xml::Element& element);  // malformed without exactly one stanza
    static xml::Element encode(const Forwarded& forwarded);
};
static_assert(Payload<Forwarded>);

}  // namespace parley::xmpp
