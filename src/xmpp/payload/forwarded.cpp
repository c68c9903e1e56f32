#include "xmpp/payload/forwarded.hpp"

namespace parley::xmpp {

Result<Forwarded> Codec<Forwarded>::decode(const xml::Element& element) {
    Forwarded forwarded;
    const xml::Element* inside = nullptr;
    for (const auto* child : element.children()) {
        if (child->is(Codec<Delay>::name)) {
            auto delay = Codec<Delay>::decode(*child);
            if (!delay) return delay.error();
            forwarded.delay = *std::move(delay);
        } else if (child->ns() == ns::client || child->ns() == ns::server) {
            if (inside) return Error{Errc::malformed, "two stanzas in one <forwarded/>"};
            inside = child;
        }
    }
    if (!inside) return Error{Errc::malformed, "nothing in <forwarded/>"};
    auto stanza = Stanza::decode(*inside);
    if (!stanza) return stanza.error();
    forwarded.stanza = *std::move(stanza);
    return forwarded;
}

xml::Element Codec<Forwarded>::encode(const Forwarded& forwarded) {
    xml::Element element(name);
    if (forwarded.delay) element.add(Codec<Delay>::encode(*forwarded.delay));
    element.add(forwarded.stanza.encode());
    return element;
}

}  // namespace parley::xmpp
