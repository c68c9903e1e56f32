#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "xml/element.hpp"
#include "xmpp/jid.hpp"
#include "xmpp/stanza_error.hpp"

namespace parley::xmpp {

// RFC 6120 8. The addressing is parsed once; children stay elements, so what we do not know travels on untouched.
struct Stanza {
    enum class Kind { message, presence, iq };

    Kind kind = Kind::message;
    Jid from, to;      // empty: the attribute is absent
    std::string type;  // as sent; empty when absent
    std::string id;
    std::string lang;  // xml:lang
    std::vector<xml::Element> children;

    // Errors: malformed for an element that is no stanza, an address that is no JID (`detail` says which). The caller
    // answers <jid-malformed/> or closes, as RFC 6120 says for its stream.
    static Result<Stanza> decode(xml::Element element);
    xml::Element encode(std::string_view ns = "jabber:client") const;

    const xml::Element* child(std::string_view ns, std::string_view name) const;
    const xml::Element* child(xml::Name name) const { return child(name.ns, name.local); }
    // The one payload of an IQ (its first element child), or nullptr.
    const xml::Element* payload() const { return children.empty() ? nullptr : &children.front(); }
    xml::Element& add(xml::Element element);
    void remove(std::string_view ns, std::string_view name);
    std::string text_of(
        std::string_view name) const;  // text of the first child of that name in no other namespace than the stanza's
    bool is_error() const { return type == "error"; }
    bool is_request() const { return kind == Kind::iq && (type == "get" || type == "set"); }

    Stanza reply(std::string_view result_type = "result") const;  // to and from swapped, same id, no children
    // RFC 6120 8.3: to and from swapped, type error, our error; the original payload is not sent back.
    Stanza error(const StanzaError& error) const;
    bool operator==(const Stanza&) const = default;
};

std::string_view to_string(Stanza::Kind kind);
// The element with every name in namespace `from` moved to `to`: the content namespace differs between c2s and s2s
// streams.
xml::Element rebase(xml::Element element, std::string_view from, std::string_view to);
// Appends the stanza as XML to `out`, with `ns` being the stream's default namespace (not declared again); empty: a
// document of its own in jabber:client. `to`, when given, replaces the address: a presence that goes to many is one
// value. `last`: XML in the stream's namespace that goes in behind the children, for what is added at the last moment.
void write(std::string& out, const Stanza& stanza, std::string_view ns, const Jid* to = nullptr,
           std::string_view last = {});

}  // namespace parley::xmpp
