#include <algorithm>

#include "base/text.hpp"
#include "im/room/room.hpp"
#include "xmpp/ns.hpp"

namespace parley::im {

using xmpp::Stanza;
namespace ns = xmpp::ns;

namespace {

constexpr std::string_view word_leave = "/leave", word_who = "/who";

std::string error_text(const Stanza& error) {
    const auto* element = error.child(ns::client, "error");
    const auto* text = element ? element->child(ns::stanzas, "text") : nullptr;
    if (text) return text->text();
    const auto* condition = element ? element->first_child() : nullptr;
    return condition ? condition->name() : "an unknown reason";
}

}  // namespace

std::string Room::free_nick(const xmpp::Jid& person) const {
    auto nick = person.local();
    if (nick_taken(nick, person)) nick = person.to_string();
    for (int number = 2; nick_taken(nick, person); ++number) nick = person.local() + ' ' + std::to_string(number);
    return nick;
}

std::string Room::who_is_here() const {
    std::string names;
    const auto add = [&](const std::string& nick) { names += (names.empty() ? "" : ", ") + nick; };
    for (const auto& occupant : occupants_) add(occupant->nick);
    for (const auto& contact : record_.contacts)
        if (contact.state == RoomContact::State::joined) add(contact.nick);
    return names;
}

// The first text is also the question whether the person can be reached: the room shows the person when it has arrived.
RoomStep Room::invite_contact(const Invitation& invitation, const Moment& at) {
    RoomStep step;
    const auto refuse = [&](std::string_view condition, const std::string& text) {
        step.refused = xmpp::stanza_error(condition, text);
        return step;
    };
    if (record_.affiliation(invitation.to) == Affiliation::outcast)
        return refuse("forbidden", invitation.to.to_string() + " is banned from this room");
    auto* contact = find_contact(invitation.to);
    if (contact && contact->state == RoomContact::State::joined)
        return refuse("conflict", invitation.to.to_string() + " is in this room already");
    if (!contact) {
        auto& contacts = record_.contacts;
        if (contacts.size() >= limits_.contacts)  // who has left makes room
            if (const auto gone =
                    std::find_if(contacts.begin(), contacts.end(),
                                 [](const RoomContact& each) { return each.state == RoomContact::State::left; });
                gone != contacts.end())
                contacts.erase(gone);
        if (contacts.size() >= limits_.contacts || size() >= limits_.occupants)
            return refuse("resource-constraint", "the room has as many people of other systems as it may have");
        contact = &contacts.emplace_back(RoomContact{invitation.to, free_nick(invitation.to)});
    }
    contact->state = RoomContact::State::invited;
    step.save = true;
    const auto& name = record_.config.name.empty() ? jid_.local() : record_.config.name;
    auto text = say(invitation.language, "room.you-are-invited", {invitation.nick, name});
    if (!invitation.reason.empty()) text += '\n' + invitation.nick + ": " + invitation.reason;
    step.durable.push_back(text_to(*contact, std::move(text), at, true));
    return step;
}

void Room::contact_joins(RoomStep& step, RoomContact& contact) {
    if (contact.state == RoomContact::State::joined) return;
    if (nick_taken(contact.nick, contact.jid)) contact.nick = free_nick(contact.jid);
    contact.state = RoomContact::State::joined;
    step.save = true;
    show(step, contact, true);
}

void Room::contact_leaves(RoomStep& step, const xmpp::Jid& jid, bool for_good, const std::vector<int>& codes) {
    auto* contact = find_contact(jid);
    if (!contact) return;
    if (contact->state == RoomContact::State::joined) show(step, *contact, false, codes);
    step.save = step.save || for_good || contact->state != RoomContact::State::left;
    contact->state = RoomContact::State::left;
    std::erase(troubled_, contact->jid);
    if (for_good) std::erase_if(record_.contacts, [&](const RoomContact& each) { return each.jid.same_bare(jid); });
}

// A last word, and the end of the conversation.
void Room::dismiss(RoomStep& step, const RoomContact& contact, std::string text, const Moment& at) const {
    step.durable.push_back(text_to(contact, std::move(text), at, false));
    Stanza gone;
    gone.kind = Stanza::Kind::message;
    gone.type = "chat";
    gone.from = jid_;
    gone.to = contact.jid;
    gone.add(xml::Element(ns::chat_states, "gone"));
    step.send.push_back(envelope(std::move(gone)));
}

RoomStep Room::contact_message(const Stanza& message, RoomContact& contact, const Moment& at) {
    RoomStep step;
    if (message.is_error()) {
        const auto why = error_text(message);
        if (contact.state == RoomContact::State::invited) {
            notice(step, "room.contact-not-reached", {contact.jid.to_string(), why}, at);
            contact_leaves(step, xmpp::Jid(contact.jid), true);
        } else if (contact.state == RoomContact::State::joined &&
                   std::find(troubled_.begin(), troubled_.end(), contact.jid) == troubled_.end()) {
            troubled_.push_back(contact.jid);
            notice(step, "room.contact-missed-it", {contact.nick, why}, at);
        }
        return step;
    }
    if (message.child(ns::receipts, "received")) {
        std::erase(troubled_, contact.jid);
        if (contact.state == RoomContact::State::invited) contact_joins(step, contact);
        return step;
    }
    // Its session was ended by its client: the window is closed.
    if (message.child(ns::chat_states, "gone")) {
        contact_leaves(step, xmpp::Jid(contact.jid), false);
        return step;
    }
    const auto body = message.text_of("body");
    if (body.empty()) return step;
    if (body.size() > limits_.text) {
        step.refused = xmpp::stanza_error("policy-violation", "this is too long for a room");
        return step;
    }
    if (size() > limits_.occupants && contact.state == RoomContact::State::left) {
        step.refused = xmpp::stanza_error("service-unavailable", "the room is full");
        return step;
    }
    std::erase(troubled_, contact.jid);
    const auto word = to_lower(trim(body));
    if (word == word_leave) {
        dismiss(step, contact, say(message.lang, "room.you-have-left", {}), at);
        contact_leaves(step, xmpp::Jid(contact.jid), false);
        return step;
    }
    contact_joins(step, contact);
    if (word == word_who) {
        step.durable.push_back(text_to(contact, say(message.lang, "room.who-is-here", {who_is_here()}), at, false));
        return step;
    }
    Stanza said;
    said.kind = Stanza::Kind::message;
    said.type = "groupchat";
    said.from = address(contact.nick);
    said.id = message.id;
    said.lang = message.lang;
    said.add(xml::Element(ns::client, "body").with_text(body));
    said.add(xml::Element(ns::stanza_id, "stanza-id")).set("by", jid_.to_string()).set("id", at.id);
    const auto shared = std::make_shared<const Stanza>(std::move(said));
    step.keep = shared;
    tell_contacts(step, contact.nick + ": " + body, at, contact.jid);
    to_all(step, shared);
    return step;
}

}  // namespace parley::im
