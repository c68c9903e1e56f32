#include "xmpp/payload/stanza_id.hpp"

#include <algorithm>

namespace parley::xmpp {

Result<StanzaId> Codec<StanzaId>::decode(const xml::Element& element) {
    auto by = Jid::parse(element.attribute("by"));
    if (!by) return by.error();
    if (element.attribute("id").empty()) return Error{Errc::malformed, "a stanza-id without an id"};
    return StanzaId{std::string(element.attribute("id")), *std::move(by)};
}

xml::Element Codec<StanzaId>::encode(const StanzaId& id) {
    xml::Element element(name);
    element.set("id", id.id).set("by", id.by.to_string());
    return element;
}

Result<OriginId> Codec<OriginId>::decode(const xml::Element& element) {
    if (element.attribute("id").empty()) return Error{Errc::malformed, "an origin-id without an id"};
    return OriginId{std::string(element.attribute("id"))};
}

xml::Element Codec<OriginId>::encode(const OriginId& id) {
    xml::Element element(name);
    element.set("id", id.id);
    return element;
}

void stamp(Stanza& stanza, const StanzaId& id) {
    std::erase_if(stanza.children, [&](const xml::Element& child) {
        if (!child.is(Codec<StanzaId>::name)) return false;
        const auto by = Jid::parse(child.attribute("by"));
        return !by || *by == id.by;
    });
    stanza.add(encode(id));
}

}  // namespace parley::xmpp
