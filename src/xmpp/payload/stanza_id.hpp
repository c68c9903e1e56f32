#pragma once

#include <string>

#include "xmpp/ns.hpp"
#include "xmpp/payload/codec.hpp"

namespace parley::xmpp {

struct StanzaId {  // XEP-0359: given by the server or service `by`
    std::string id;
    Jid by;
    bool operator==(const StanzaId&) const = default;
};

struct OriginId {  // XEP-0359: given by the sender
    std::string id;
    bool operator==(const OriginId&) const = default;
};

template <>
struct Codec<StanzaId> {
    static constexpr xml::Name name{ns::stanza_id, "stanza-id"};
    static Result<StanzaId> decode(const xml::Element& element);
    static xml::Element encode(const StanzaId& id);
};
template <>
struct Codec<OriginId> {
    static constexpr xml::Name name{ns::stanza_id, "origin-id"};
    static Result<OriginId> decode(const xml::Element& element);
    static xml::Element encode(const OriginId& id);
};
static_assert(Payload<StanzaId> && Payload<OriginId>);

// XEP-0359 3.1: who stamps as `by` first removes what others have stamped in that name.
bool has_stanza_id(const Stanza& stanza, const Jid& by);
void remove_stanza_ids(Stanza& stanza, const Jid& by);
// <stanza-id/> as text, for a stanza that is shared and cannot be changed.
void write_stanza_id(std::string& out, const Jid& by, std::string_view id);

}  // namespace parley::xmpp
