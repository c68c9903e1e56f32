#include "xmpp/payload/disco.hpp"

#include <algorithm>

namespace parley::xmpp {
namespace {

constexpr std::string_view data_form = "jabber:x:data";

void set_if(xml::Element& element, std::string_view name, const std::string& value, std::string_view space = {}) {
    if (!value.empty()) element.set(name, value, space);
}

}  // namespace

bool DiscoInfo::has(std::string_view feature) const {
    return std::find(features.begin(), features.end(), feature) != features.end();
}

Result<DiscoInfo> Codec<DiscoInfo>::decode(const xml::Element& element) {
    DiscoInfo info;
    info.node = element.attribute("node");
    for (const auto* child : element.children()) {
        const auto attribute = [&](std::string_view key, std::string_view space = {}) {
            return std::string(child->attribute(key, space));
        };
        if (child->is(ns::disco_info, "identity"))
            info.identities.push_back(
                {attribute("category"), attribute("type"), attribute("name"), attribute("lang", ns::xml)});
        else if (child->is(ns::disco_info, "feature"))
            info.features.push_back(attribute("var"));
        else if (child->is(data_form, "x"))
            info.forms.push_back(*child);
    }
    return info;
}

xml::Element Codec<DiscoInfo>::encode(const DiscoInfo& info) {
    xml::Element element(name);
    set_if(element, "node", info.node);
    for (const auto& identity : info.identities) {
        auto& child = element.add(xml::Element(ns::disco_info, "identity"));
        child.set("category", identity.category).set("type", identity.type);
        set_if(child, "name", identity.name);
        set_if(child, "lang", identity.lang, ns::xml);
    }
    for (const auto& feature : info.features) element.add(xml::Element(ns::disco_info, "feature")).set("var", feature);
    for (const auto& form : info.forms) element.add(form);
    return element;
}

Result<DiscoItems> Codec<DiscoItems>::decode(const xml::Element& element) {
    DiscoItems items;
    items.node = element.attribute("node");
    for (const auto* child : element.children()) {
        if (!child->is(ns::disco_items, "item")) continue;
        auto jid = Jid::parse(child->attribute("jid"));
        if (!jid) return jid.error();
        items.items.push_back(
            {*std::move(jid), std::string(child->attribute("node")), std::string(child->attribute("name"))});
    }
    return items;
}

xml::Element Codec<DiscoItems>::encode(const DiscoItems& items) {
    xml::Element element(name);
    set_if(element, "node", items.node);
    for (const auto& item : items.items) {
        auto& child = element.add(xml::Element(ns::disco_items, "item"));
        child.set("jid", item.jid.to_string());
        set_if(child, "node", item.node);
        set_if(child, "name", item.name);
    }
    return element;
}

Result<Caps> Codec<Caps>::decode(const xml::Element& element) {
    Caps caps{std::string(element.attribute("hash")), std::string(element.attribute("node")),
              std::string(element.attribute("ver"))};
    if (caps.node.empty() || caps.ver.empty()) return Error{Errc::malformed, "capabilities without node or ver"};
    return caps;
}

xml::Element Codec<Caps>::encode(const Caps& caps) {
    xml::Element element(name);
    set_if(element, "hash", caps.hash);
    element.set("node", caps.node).set("ver", caps.ver);
    return element;
}

}  // namespace parley::xmpp
