#include <algorithm>

#include "im/room/room.hpp"
#include "xmpp/ns.hpp"
#include "xmpp/payload/delay.hpp"

namespace parley::im {

using xmpp::Stanza;
namespace ns = xmpp::ns;

namespace {

// Errors that say that the client is not there any more (XEP-0045 18.1.2 calls it a ghost).
bool says_gone(const Stanza& error) {
    const auto* element = error.child(ns::client, "error");
    if (!element) return true;
    for (const char* condition : {"gone", "item-not-found", "recipient-unavailable", "redirect",
                                  "remote-server-not-found", "remote-server-timeout", "service-unavailable"})
        if (element->child(ns::stanzas, condition)) return true;
    return false;
}

void remove_forged(Stanza& message, const xmpp::Jid& room) {
    std::erase_if(message.children, [&](const xml::Element& child) {
        return child.ns() == ns::muc_user || child.ns() == ns::delay ||
               (child.is(ns::stanza_id, "stanza-id") && child.attribute("by") == room.to_string());
    });
}

RoomStep refusal(std::string_view condition, std::string_view text) {
    RoomStep step;
    step.refused = xmpp::stanza_error(condition, text);
    return step;
}

}  // namespace

RoomStep Room::on_message(const Stanza& message, const xmpp::Jid& to, const Moment& at) {
    Client* client = nullptr;
    auto* occupant = find_client(message.from, &client);
    if (!occupant)
        if (auto* contact = find_contact(message.from)) return contact_message(message, *contact, at);
    if (message.is_error()) return occupant && says_gone(message) ? on_gone(message.from) : RoomStep{};
    const auto* x = message.child(ns::muc_user, "x");
    if (!occupant) {
        // XEP-0045 7.8.2: who was invited may decline without having been here.
        const auto* decline = x && to.is_bare() ? x->child(ns::muc_user, "decline") : nullptr;
        const auto inviter = decline ? xmpp::Jid::parse(decline->attribute("to")) : Error{Errc::malformed, {}};
        if (!inviter) return refusal("not-acceptable", "only those who are in the room may write to it");
        RoomStep step;
        for (const auto& other : occupants_)
            for (const auto& each : other->clients)
                if (each.jid.same_bare(*inviter)) {
                    Stanza told;
                    told.kind = Stanza::Kind::message;
                    told.from = jid_;
                    told.to = each.jid;
                    auto& said = told.add(xml::Element(ns::muc_user, "x")).add(xml::Element(ns::muc_user, "decline"));
                    said.set("from", message.from.bare().to_string());
                    if (const auto* reason = decline->child(ns::muc_user, "reason")) said.add(*reason);
                    step.send.push_back(envelope(std::move(told)));
                }
        return step;
    }
    if (too_fast(*client, at))
        return refusal("resource-constraint", "too many messages at once; say it a little later");
    if (message.type == "groupchat") {
        if (!to.is_bare()) return refusal("bad-request", "what is for everybody is sent to the room itself");
        if (occupant->role < Role::participant) return refusal("forbidden", "you may not speak in this room");
        if (message.child(ns::client, "subject") && !message.child(ns::client, "body"))
            return set_subject(message, *occupant, at);
        return say_to_all(message, *occupant, at);
    }
    if (!to.is_bare()) return say_in_private(message, *occupant, to.resource());
    if (x && x->child(ns::muc_user, "invite")) return invite(message, *x, *occupant);
    return refusal("not-acceptable", "what is written to a room has the type groupchat");
}

RoomStep Room::say_to_all(const Stanza& message, Occupant& occupant, const Moment& at) {
    const auto body = message.text_of("body");
    if (body.size() > limits_.text) return refusal("policy-violation", "this is too long for a room");
    RoomStep step;
    auto said = message;
    remove_forged(said, jid_);
    said.from = address(occupant.nick);
    said.to = {};
    const bool lasts = message.child(ns::client, "body") != nullptr;
    if (lasts) said.add(xml::Element(ns::stanza_id, "stanza-id")).set("by", jid_.to_string()).set("id", at.id);
    const auto shared = std::make_shared<const Stanza>(std::move(said));
    if (lasts) {
        step.keep = shared;
        if (!body.empty()) tell_contacts(step, occupant.nick + ": " + body, at);
    }
    to_all(step, shared);
    return step;
}

RoomStep Room::set_subject(const Stanza& message, const Occupant& occupant, const Moment& at) {
    if (!record_.config.anyone_subject && !is_moderator(occupant))
        return refusal("forbidden", "only moderators may change the subject here");
    auto subject = message.text_of("subject");
    if (subject.size() > limits_.text) return refusal("policy-violation", "this is too long for a subject");
    RoomStep step;
    step.save = true;
    record_.subject = subject;
    record_.subject_by = occupant.nick;
    record_.subject_at = at.wall;
    if (!subject.empty())
        for (const auto& contact : record_.contacts)
            if (contact.state != RoomContact::State::left)
                step.durable.push_back(
                    text_to(contact, say({}, "room.subject-is", {occupant.nick, subject}), at, false));
    Stanza changed;
    changed.kind = Stanza::Kind::message;
    changed.type = "groupchat";
    changed.id = message.id;
    changed.from = address(occupant.nick);
    changed.add(xml::Element(ns::client, "subject").with_text(subject));
    to_all(step, std::make_shared<const Stanza>(std::move(changed)));
    return step;
}

RoomStep Room::say_in_private(const Stanza& message, const Occupant& occupant, const std::string& nick) {
    const auto* to = find_nick(nick);
    if (!to) {
        const bool is_contact = std::any_of(record_.contacts.begin(), record_.contacts.end(),
                                            [&](const RoomContact& contact) { return contact.nick == nick; });
        if (is_contact)
            return refusal("feature-not-implemented",
                           "this person takes part from elsewhere and hears only what is "
                           "said to everybody; write to the person's own address");
        return refusal("item-not-found", "nobody of that nickname is here");
    }
    RoomStep step;
    auto said = message;
    remove_forged(said, jid_);
    said.from = address(occupant.nick);
    said.to = {};
    said.add(xml::Element(ns::muc_user, "x"));  // XEP-0045 7.5: so that a client sees what it is
    const auto shared = std::make_shared<const Stanza>(std::move(said));
    for (const auto& client : to->clients) {
        Envelope sent;
        sent.stanza = shared;
        sent.to = client.jid;
        sent.durable = true;
        step.durable.push_back(std::move(sent));
    }
    return step;
}

// XEP-0045 7.8.2. Who may be invited how is known to the caller.
RoomStep Room::invite(const Stanza& message, const xml::Element& x, const Occupant& occupant) const {
    if (occupant.role < Role::participant) return refusal("forbidden", "you may not invite people to this room");
    if (record_.config.members_only && !record_.config.anyone_invites &&
        record_.affiliation(occupant.bare) < Affiliation::admin)
        return refusal("forbidden", "only the room's administrators may invite people");
    constexpr std::size_t most = 20;
    RoomStep step;
    for (const auto* child : x.children()) {
        if (!child->is(ns::muc_user, "invite")) continue;
        const auto to = xmpp::Jid::parse(child->attribute("to"));
        if (!to || to->local().empty()) return refusal("jid-malformed", "whom to invite?");
        if (step.invitations.size() == most) return refusal("policy-violation", "too many invitations at once");
        const auto* reason = child->child(ns::muc_user, "reason");
        auto text = reason ? reason->text() : std::string{};
        if (text.size() > limits_.text) return refusal("policy-violation", "the reason is too long");
        step.invitations.push_back({to->bare(), message.from, occupant.nick, std::move(text), message.lang});
    }
    return step;
}

std::optional<Stanza> as_mediated(const Stanza& message) {
    const auto* direct = message.child(ns::conference, "x");
    auto room = direct ? xmpp::Jid::parse(direct->attribute("jid")) : Error{Errc::not_found, {}};
    if (!room || room->local().empty()) return {};
    Stanza mediated;
    mediated.kind = Stanza::Kind::message;
    mediated.from = message.from;
    mediated.to = room->bare();
    mediated.id = message.id;
    mediated.lang = message.lang;
    auto& invite = mediated.add(xml::Element(ns::muc_user, "x")).add(xml::Element(ns::muc_user, "invite"));
    invite.set("to", message.to.bare().to_string());
    if (const auto reason = direct->attribute("reason"); !reason.empty())
        invite.add(xml::Element(ns::muc_user, "reason").with_text(reason));
    return mediated;
}

RoomStep Room::send_invitation(const Invitation& invitation) {
    RoomStep step;
    if (record_.affiliation(invitation.to) == Affiliation::outcast)
        return refusal("forbidden", invitation.to.to_string() + " is banned from this room");
    if (record_.config.members_only && record_.affiliation(invitation.to) == Affiliation::none) {
        if (record_.affiliations.size() >= limits_.people)
            return refusal("resource-constraint", "the room has as many members as it may have");
        record_.affiliations[invitation.to] = Affiliation::member;
        step.save = true;
    }
    Stanza message;
    message.kind = Stanza::Kind::message;
    message.from = jid_;
    message.to = invitation.to;
    auto& x = message.add(xml::Element(ns::muc_user, "x"));
    auto& invite = x.add(xml::Element(ns::muc_user, "invite"));
    invite.set("from", invitation.by.to_string());
    if (!invitation.reason.empty()) invite.add(xml::Element(ns::muc_user, "reason").with_text(invitation.reason));
    const auto& password = record_.config.password;
    if (!password.empty()) x.add(xml::Element(ns::muc_user, "password").with_text(password));
    auto& direct = message.add(xml::Element(ns::conference, "x"));  // XEP-0249, for clients that know only that
    direct.set("jid", jid_.to_string());
    if (!invitation.reason.empty()) direct.set("reason", invitation.reason);
    if (!password.empty()) direct.set("password", password);
    auto sent = envelope(std::move(message));
    sent.durable = true;
    step.durable.push_back(std::move(sent));
    return step;
}

std::vector<Envelope> Room::history(const HistoryWish& wish) const {
    std::vector<Envelope> out;
    const auto skipped = history_.size() - std::min(history_.size(), wish.messages);
    for (auto kept = history_.begin() + static_cast<std::ptrdiff_t>(skipped); kept != history_.end(); ++kept) {
        if (wish.since && kept->received < *wish.since) continue;
        auto message = *kept->message;
        message.add(xmpp::encode(xmpp::Delay{kept->received, jid_, {}}));
        auto sent = envelope(std::move(message));
        sent.to = wish.to;
        out.push_back(std::move(sent));
    }
    return out;
}

}  // namespace parley::im
