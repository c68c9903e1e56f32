#include "xmpp/payload/carbons.hpp"

namespace parley::xmpp {

Stanza carbon_copy(CarbonDirection direction, const Stanza& message, const Jid& to) {
    Stanza copy;
    copy.kind = Stanza::Kind::message;
    copy.from = to.bare();
    copy.to = to;
    copy.type = message.type;
    xml::Element side(ns::carbons, direction == CarbonDirection::sent ? "sent" : "received");
    side.add(encode(Forwarded{std::nullopt, message}));
    copy.add(std::move(side));
    return copy;
}

Result<Carbon> read_carbon(const Stanza& wrapper, const Jid& owner) {
    for (const auto direction : {CarbonDirection::received, CarbonDirection::sent}) {
        const auto* side = wrapper.child(ns::carbons, direction == CarbonDirection::sent ? "sent" : "received");
        if (!side) continue;
        if (wrapper.from != owner.bare()) return Error{Errc::forbidden, "a carbon copy from somebody else"};
        const auto* inside = side->child(Codec<Forwarded>::name);
        if (!inside) return Error{Errc::malformed, "an empty carbon copy"};
        auto forwarded = decode<Forwarded>(*inside);
        if (!forwarded) return forwarded.error();
        return Carbon{direction, std::move(forwarded->stanza)};
    }
    return Error{Errc::not_found, "no carbon copy"};
}

}  // namespace parley::xmpp
