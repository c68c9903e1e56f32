#include "xmpp/stanza.hpp"

#include <boost/container/small_vector.hpp>

#include "xml/writer.hpp"
#include "xmpp/ns.hpp"

namespace parley::xmpp {
namespace {

bool is_content(std::string_view ns) {
    return ns == ns::client || ns == ns::server;
}

}  // namespace

std::string_view to_string(Stanza::Kind kind) {
    switch (kind) {
        case Stanza::Kind::message: return "message";
        case Stanza::Kind::presence: return "presence";
        case Stanza::Kind::iq: return "iq";
    }
    return "message";
}

Result<Stanza> Stanza::decode(xml::Element element) {
    Stanza stanza;
    if (!is_content(element.ns())) return Error{Errc::malformed, "not a stanza: namespace " + element.ns()};
    if (element.name() == "message")
        stanza.kind = Kind::message;
    else if (element.name() == "presence")
        stanza.kind = Kind::presence;
    else if (element.name() == "iq")
        stanza.kind = Kind::iq;
    else
        return Error{Errc::malformed, "not a stanza: " + element.name()};

    for (auto* part : {&stanza.from, &stanza.to}) {
        const auto name = part == &stanza.from ? "from" : "to";
        if (!element.has_attribute(name)) continue;
        auto jid = Jid::parse(element.attribute(name));
        if (!jid) return Error{Errc::malformed, std::string(name) + ": " + jid.error().detail};
        *part = *std::move(jid);
    }
    stanza.type = element.attribute("type");
    stanza.id = element.attribute("id");
    stanza.lang = element.attribute("lang", ns::xml);
    const bool server = element.ns() == ns::server;
    stanza.children = element.take_children();
    // A stanza is the same stanza on every stream; only the content namespace differs, and inside parley it is
    // jabber:client.
    if (server)
        for (auto& child : stanza.children)
            if (child.ns() == ns::server) child = rebase(std::move(child), ns::server, ns::client);
    return stanza;
}

xml::Element rebase(xml::Element element, std::string_view from, std::string_view to) {
    boost::container::small_vector<xml::Element*, 16> open{&element};
    while (!open.empty()) {
        auto* current = open.back();
        open.pop_back();
        if (current->ns() == from) current->rename(to, current->name());
        for (auto* child : current->mutable_children()) open.push_back(child);
    }
    return element;
}

xml::Element Stanza::encode(std::string_view ns) const {
    xml::Element element(ns, parley::xmpp::to_string(kind));
    if (!to.empty()) element.set("to", to.to_string());
    if (!from.empty()) element.set("from", from.to_string());
    if (!id.empty()) element.set("id", id);
    if (!type.empty()) element.set("type", type);
    if (!lang.empty()) element.set("lang", lang, ns::xml);
    for (const auto& child : children)
        element.add(child.ns() == ns::client && ns != ns::client ? rebase(child, ns::client, ns) : child);
    return element;
}

const xml::Element* Stanza::child(std::string_view ns, std::string_view name) const {
    for (const auto& child : children)
        if (child.is(ns, name)) return &child;
    return nullptr;
}

xml::Element& Stanza::add(xml::Element element) {
    return children.emplace_back(std::move(element));
}

void Stanza::remove(std::string_view ns, std::string_view name) {
    std::erase_if(children, [&](const xml::Element& child) { return child.is(ns, name); });
}

std::string Stanza::text_of(std::string_view name) const {
    const auto* found = child(ns::client, name);
    return found ? found->text() : std::string{};
}

Stanza Stanza::reply(std::string_view result_type) const {
    Stanza answer;
    answer.kind = kind;
    answer.from = to;
    answer.to = from;
    answer.id = id;
    answer.type = result_type;
    return answer;
}

Stanza Stanza::error(const StanzaError& error) const {
    auto answer = reply("error");
    xml::Element element(ns::client, "error");
    element.set("type", parley::xmpp::to_string(error.type));
    element.add(xml::Element(ns::stanzas, error.condition));
    if (!error.text.empty())
        element.add(xml::Element(ns::stanzas, "text")).set("lang", "en", ns::xml).add_text(error.text);
    answer.add(std::move(element));
    return answer;
}

void write(std::string& out, const Stanza& stanza, std::string_view ns, const Jid* to, std::string_view last) {
    const auto name = to_string(stanza.kind);
    out += '<';
    out += name;
    if (ns.empty()) {
        xml::write_attribute(out, "xmlns", ns::client);
        ns = ns::client;
    }
    if (const auto& address = to ? *to : stanza.to; !address.empty())
        xml::write_attribute(out, "to", address.to_string());
    if (!stanza.from.empty()) xml::write_attribute(out, "from", stanza.from.to_string());
    if (!stanza.id.empty()) xml::write_attribute(out, "id", stanza.id);
    if (!stanza.type.empty()) xml::write_attribute(out, "type", stanza.type);
    if (!stanza.lang.empty()) xml::write_attribute(out, "xml:lang", stanza.lang);
    if (stanza.children.empty() && last.empty()) {
        out += "/>";
        return;
    }
    out += '>';
    // Inside parley the content namespace is jabber:client.
    for (const auto& child : stanza.children)
        xml::write(out, child, ns, child.ns() == ns::client ? ns::client : std::string_view{});
    out += last;
    out += "</";
    out += name;
    out += '>';
}

}  // namespace parley::xmpp
