#include <algorithm>

#include "im/room/room.hpp"
#include "xmpp/ns.hpp"

// XEP-0045 8 and 9: what moderators, administrators and owners may change of others.
namespace parley::im {

using xmpp::Stanza;
namespace ns = xmpp::ns;

namespace {

constexpr std::size_t most_changes = 100;  // in one request

RoomStep refusal(std::string_view condition, std::string_view text = {}) {
    RoomStep step;
    step.refused = xmpp::stanza_error(condition, text);
    return step;
}

}  // namespace

RoomStep Room::list_people(const Stanza& iq, const xml::Element& item, const Actor& actor) {
    const auto affiliation = affiliation_of(item.attribute("affiliation"));
    const auto role = role_of(item.attribute("role"));
    const bool may = actor.affiliation >= Affiliation::admin || (role && actor.role == Role::moderator);
    if (!may) return refusal("forbidden");
    xml::Element list(ns::muc_admin, "query");
    if (affiliation) {
        for (const auto& [jid, held] : record_.affiliations)
            if (held == *affiliation)
                list.add(xml::Element(ns::muc_admin, "item"))
                    .set("affiliation", to_string(held))
                    .set("jid", jid.to_string());
    } else if (role) {
        for (const auto& occupant : occupants_)
            if (occupant->role == *role)
                list.add(xml::Element(ns::muc_admin, "item"))
                    .set("affiliation", to_string(record_.affiliation(occupant->bare)))
                    .set("role", to_string(*role))
                    .set("nick", occupant->nick)
                    .set("jid", occupant->clients.back().jid.to_string());
    } else {
        return refusal("bad-request");
    }
    RoomStep step;
    auto reply = iq.reply();
    reply.add(std::move(list));
    step.send.push_back(envelope(std::move(reply)));
    return step;
}

// All or nothing, as far as what is asked for can be seen to be wrong.
RoomStep Room::change_people(const Stanza& iq, const xml::Element& query, const Actor& actor, const Moment& at) {
    const auto before = record_.affiliations;
    RoomStep step;
    std::size_t changes = 0;
    for (const auto* item : query.children()) {
        if (!item->is(ns::muc_admin, "item")) continue;
        if (++changes > most_changes) return refusal("policy-violation", "too many changes at once");
        const auto* element = item->child(ns::muc_admin, "reason");
        const auto reason = element ? element->text() : std::string{};
        const auto affiliation = affiliation_of(item->attribute("affiliation"));
        const auto role = role_of(item->attribute("role"));
        const std::string nick(item->attribute("nick"));
        std::optional<xmpp::StanzaError> refused;
        if (affiliation) {
            auto jid = xmpp::Jid::parse(item->attribute("jid"));
            if (!jid)
                if (const auto* occupant = find_nick(nick)) jid = occupant->bare;
            refused = jid ? change_affiliation(step, actor, jid->bare(), *affiliation, reason, at)
                          : xmpp::stanza_error("jid-malformed");
        } else if (role) {
            refused = change_role(step, actor, nick, *role, reason, at);
        } else {
            refused = xmpp::stanza_error("bad-request");
        }
        if (refused) {
            if (changes == 1) return refusal(refused->condition, refused->text);
            break;  // those before it stand: people have been told
        }
    }
    step.save = step.save || before != record_.affiliations;
    step.send.push_back(envelope(iq.reply()));
    return step;
}

std::optional<xmpp::StanzaError> Room::change_affiliation(RoomStep& step, const Actor& actor, const xmpp::Jid& person,
                                                          Affiliation to, const std::string& reason, const Moment& at) {
    const auto was = record_.affiliation(person);
    const bool owner = actor.affiliation == Affiliation::owner;
    if (!owner && (actor.affiliation < Affiliation::admin || was >= Affiliation::admin || to >= Affiliation::admin))
        return xmpp::stanza_error("forbidden");
    if (person.local().empty()) return xmpp::stanza_error("jid-malformed");
    if (to == Affiliation::outcast && person.same_bare(actor.jid)) return xmpp::stanza_error("conflict");
    const auto owners = std::count_if(record_.affiliations.begin(), record_.affiliations.end(),
                                      [](const auto& entry) { return entry.second == Affiliation::owner; });
    if (was == Affiliation::owner && to != Affiliation::owner && owners == 1)
        return xmpp::stanza_error("conflict", "a room needs an owner");
    if (was == to) return {};
    if (to == Affiliation::none) {
        record_.affiliations.erase(person);
    } else {
        if (was == Affiliation::none && record_.affiliations.size() >= limits_.people)
            return xmpp::stanza_error("resource-constraint", "the room's lists are full");
        record_.affiliations[person] = to;
    }
    after_affiliation(step, person, to, reason, at);
    return {};
}

void Room::after_affiliation(RoomStep& step, const xmpp::Jid& person, Affiliation to, const std::string& reason,
                             const Moment& at) {
    const bool banned = to == Affiliation::outcast;
    const bool out = banned || (record_.config.members_only && to < Affiliation::member);
    const int code = banned ? 301 : 321;
    if (auto* contact = find_contact(person); contact && out) {
        if (contact->state != RoomContact::State::left)
            dismiss(step, *contact, say({}, "room.you-were-removed", {}), at);
        contact_leaves(step, person, true, {code});
    }
    std::vector<Occupant*> concerned;
    for (const auto& occupant : occupants_)
        if (occupant->bare == person) concerned.push_back(occupant.get());
    for (auto* occupant : concerned) {
        if (out) {
            remove(step, *occupant, {Role::none, false, {code}, {}, {}, reason, {}});
            continue;
        }
        occupant->role = first_role(to);
        show(step, *occupant, occupant->clients.back(), {occupant->role, true, {}, {}, {}, reason, {}});
    }
}

std::optional<xmpp::StanzaError> Room::change_role(RoomStep& step, const Actor& actor, const std::string& nick, Role to,
                                                   const std::string& reason, const Moment& at) {
    if (actor.role != Role::moderator && actor.affiliation < Affiliation::admin) return xmpp::stanza_error("forbidden");
    for (const auto& contact : record_.contacts) {
        if (contact.nick != nick) continue;
        if (to != Role::none) return xmpp::stanza_error("not-allowed", "this person takes part from elsewhere");
        if (contact.state != RoomContact::State::left) dismiss(step, contact, say({}, "room.you-were-removed", {}), at);
        contact_leaves(step, xmpp::Jid(contact.jid), true, {307});
        return {};
    }
    auto* occupant = find_nick(nick);
    if (!occupant) return xmpp::stanza_error("item-not-found", "nobody of that nickname is here");
    const auto theirs = record_.affiliation(occupant->bare);
    const bool changes_moderator = to == Role::moderator || occupant->role == Role::moderator;
    // XEP-0045 8.2, 9.6: nobody takes from somebody above, and moderators are made by administrators.
    if (theirs >= Affiliation::admin || (theirs > actor.affiliation && to < occupant->role))
        return xmpp::stanza_error("not-allowed");
    if (changes_moderator && actor.affiliation < Affiliation::admin) return xmpp::stanza_error("forbidden");
    if (to == Role::none) {
        remove(step, *occupant, {Role::none, false, {307}, {}, {}, reason, {}});
        return {};
    }
    occupant->role = to;
    show(step, *occupant, occupant->clients.back(), {to, true, {}, {}, {}, reason, {}});
    return {};
}

}  // namespace parley::im
