#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "im/roster.hpp"
#include "xml/element.hpp"
#include "xmpp/stanza_error.hpp"

namespace parley::im {

// RFC 6121 2.3.3 lets a server limit these; a value over its limit is <not-acceptable/>. Octets.
inline constexpr std::size_t roster_name_max = 1023;
inline constexpr std::size_t roster_group_max = 1023;
inline constexpr std::size_t roster_groups_max = 64;

// What a client asks with a roster set (2.1.5, 2.3, 2.4, 2.5).
struct RosterSet {
    xmpp::Jid contact;  // bare
    bool remove = false;
    std::string name;
    std::vector<std::string> groups;  // in the client's order
    bool operator==(const RosterSet&) const = default;
};

// Reads and checks <query xmlns='jabber:iq:roster'/> of a set by `user` on the own roster. `subscription` other than
// "remove", `ask` and `approved` are the server's to say and are ignored (2.1.2).
std::variant<RosterSet, xmpp::StanzaError> decode_roster_set(const xml::Element& query, const xmpp::Jid& user);

// Adding or changing (2.3, 2.4): the item to store and push; nothing changes in its subscription. An error when the
// roster would have more than `limit` items.
std::variant<RosterItem, xmpp::StanzaError> apply_roster_set(const Roster& roster, const RosterSet& set,
                                                             std::size_t limit);
// For every other way in which an item can come into a roster: a subscription sent or received.
bool has_room(const Roster& roster, const xmpp::Jid& contact, std::size_t limit);

// <item/> as it stands in a result or a push (2.1.2).
xml::Element encode_roster_item(const RosterItem& item);
// <query/> for a push: one item, or subscription='remove' (2.1.6, 2.5). `version` is that of the roster after the
// change.
xml::Element encode_roster_push(const RosterItem& item, std::uint64_t version);
xml::Element encode_roster_removal(const xmpp::Jid& contact, std::uint64_t version);

// The answer to a roster get (2.1.4, 2.6). We keep the number of a version but not what each version changed, so there
// are two answers: nothing, when the client has what we have (an empty result, 2.6.2), or the whole roster. `known` is
// the request's `ver`.
std::optional<xml::Element> answer_roster_get(const Roster& roster, const xml::Element& query);

}  // namespace parley::im
