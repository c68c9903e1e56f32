#include "xmpp/payload/stanza_id.hpp"

#include <algorithm>

#include "xml/writer.hpp"

namespace parley::xmpp {
namespace {

// An address that is none counts as anybody's.
bool is_by(const xml::Element& child, const Jid& by) {
    if (!child.is(Codec<StanzaId>::name)) return false;
    const auto claimed = Jid::parse(child.attribute("by"));
    return !claimed || *claimed == by;
}

}  // namespace

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

bool has_stanza_id(const Stanza& stanza, const Jid& by) {
    return std::any_of(stanza.children.begin(), stanza.children.end(),
                       [&](const xml::Element& child) { return is_by(child, by); });
}

void remove_stanza_ids(Stanza& stanza, const Jid& by) {
    std::erase_if(stanza.children, [&](const xml::Element& child) { return is_by(child, by); });
}

void write_stanza_id(std::string& out, const Jid& by, std::string_view id) {
    out += "<stanza-id";
    xml::write_attribute(out, "xmlns", ns::stanza_id);
    xml::write_attribute(out, "by", by.to_string());
    xml::write_attribute(out, "id", id);
    out += "/>";
}

}  // namespace parley::xmpp
