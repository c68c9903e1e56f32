#include <algorithm>

#include "base/text.hpp"
#include "im/room/room.hpp"
#include "xmpp/ns.hpp"
#include "xmpp/payload/datetime.hpp"

namespace parley::im {

using xmpp::Stanza;
namespace ns = xmpp::ns;

namespace {

// What an occupant's presence says, without what is between the client and the room.
std::vector<xml::Element> shown_of(const Stanza& presence) {
    auto children = presence.children;
    std::erase_if(children, [](const xml::Element& child) {
        return child.ns() == ns::muc || child.ns() == ns::muc_user || child.is(ns::client, "error");
    });
    return children;
}

HistoryWish wish_of(const Stanza& presence, std::size_t most) {
    HistoryWish wish{presence.from, most, {}};
    const auto* x = presence.child(ns::muc, "x");
    const auto* history = x ? x->child(ns::muc, "history") : nullptr;
    if (!history) return wish;
    if (const auto count = parse_number<std::size_t>(history->attribute("maxstanzas")))
        wish.messages = std::min(most, *count);
    if (history->attribute("maxchars") == "0") wish.messages = 0;
    if (const auto since = xmpp::parse_datetime(history->attribute("since"))) wish.since = *since;
    return wish;
}

}  // namespace

RoomStep Room::on_presence(const Stanza& presence, const xmpp::Jid& to, const Moment& at, bool created) {
    RoomStep step;
    Client* client = nullptr;
    auto* occupant = find_client(presence.from, &client);
    const auto* contact = find_contact(presence.from);
    if (!occupant && contact) return contact_presence(presence, *contact);
    if (presence.type == "error" || presence.type == "unavailable") {
        if (occupant) {
            // XEP-0045 7.14: what it says with its good-bye is shown.
            client->shown = presence.is_error() ? std::vector<xml::Element>{} : shown_of(presence);
            leave(step, *occupant, presence.from, {Role::none, false, {}, {}, {}, {}, {}});
        }
        return step;
    }
    if (presence.type == "probe" || presence.type == "subscribe") {  // a room is nobody's contact
        Stanza no;
        no.kind = Stanza::Kind::presence;
        no.from = jid_;
        no.to = presence.from.bare();
        no.type = "unsubscribed";
        step.send.push_back(envelope(std::move(no)));
        return step;
    }
    if (!presence.type.empty()) return step;
    if (to.resource().empty()) {
        step.refused = xmpp::stanza_error("jid-malformed", "a nickname is missing");
        return step;
    }
    const bool joins = presence.child(ns::muc, "x") != nullptr;
    if (occupant && !joins) {
        if (too_fast(*client, at)) {
            step.refused = xmpp::stanza_error("resource-constraint", "too many changes of presence at once");
            return step;
        }
        if (occupant->nick != to.resource()) return rename(*occupant, presence, to.resource());
        client->shown = shown_of(presence);
        show(step, *occupant, *client, {occupant->role, true, {}, {}, {}, {}, {}});
        return step;
    }
    return join(presence, to.resource(), at, created);
}

RoomStep Room::join(const Stanza& presence, const std::string& nick, const Moment& at, bool created) {
    RoomStep step;
    const auto refuse = [&](std::string_view condition, std::string_view text) {
        step.refused = xmpp::stanza_error(condition, text);
        return step;
    };
    const auto& config = record_.config;
    const auto affiliation = record_.affiliation(presence.from);
    auto* occupant = find_client(presence.from);
    if (affiliation == Affiliation::outcast) return refuse("forbidden", "you are banned from this room");
    if (config.members_only && affiliation < Affiliation::member)
        return refuse("registration-required", "only members may enter this room");
    if (!config.password.empty() && affiliation < Affiliation::admin && !occupant) {
        const auto* x = presence.child(ns::muc, "x");
        const auto* password = x ? x->child(ns::muc, "password") : nullptr;
        if (!password || password->text() != config.password) return refuse("not-authorized", "the password is wrong");
    }
    if (nick_taken(nick, presence.from)) return refuse("conflict", "this nickname is taken");
    if (occupant && occupant->nick != nick) return rename(*occupant, presence, nick);
    if (!occupant && size() >= limits_.occupants) return refuse("service-unavailable", "the room is full");

    if (!occupant) occupant = find_nick(nick);  // another device of the same person
    if (!occupant) {
        occupants_.push_back(std::make_unique<Occupant>());
        occupant = occupants_.back().get();
        occupant->nick = nick;
        occupant->bare = presence.from.bare();
        occupant->role = first_role(affiliation);
    }
    auto& clients = occupant->clients;
    std::erase_if(clients, [&](const Client& each) { return each.jid == presence.from; });  // it joins once more
    clients.push_back({presence.from, shown_of(presence), limits_.burst, at.now});

    // XEP-0045 7.2.2: first those who are here, then to everybody who has come, then what was said, then the subject.
    const bool sees = config.shows_addresses || is_moderator(*occupant);
    const auto add = [&](std::shared_ptr<const Stanza> stanza) {
        Envelope sent;
        sent.stanza = std::move(stanza);
        sent.to = presence.from;
        step.send.push_back(std::move(sent));
    };
    for (const auto& other : occupants_)
        if (other.get() != occupant)
            add(presence_of(*other, other->clients.back(), {other->role, true, {}, {}, {}, {}, {}}, sees, false));
    for (const auto& contact : record_.contacts)
        if (contact.state == RoomContact::State::joined) add(presence_of(contact, true, sees));
    Said said{occupant->role, true, {}, {}, {}, {}, {}};
    if (config.shows_addresses) said.own_codes.push_back(100);
    if (created) said.own_codes.push_back(201);
    show(step, *occupant, clients.back(), said);
    step.history = wish_of(presence, limits_.history);
    Stanza subject;
    subject.kind = Stanza::Kind::message;
    subject.type = "groupchat";
    subject.from = record_.subject_by.empty() ? jid_ : address(record_.subject_by);
    subject.to = presence.from;
    subject.id = at.id;
    subject.add(xml::Element(ns::client, "subject").with_text(record_.subject));
    step.last.push_back(envelope(std::move(subject)));
    return step;
}

RoomStep Room::rename(Occupant& occupant, const Stanza& presence, const std::string& nick) {
    RoomStep step;
    if (nick_taken(nick, occupant.bare)) {
        step.refused = xmpp::stanza_error("conflict", "this nickname is taken");
        return step;
    }
    auto* other = find_nick(nick);
    if (other && other != &occupant) {  // own other device is there already: this one becomes part of it
        const auto client = presence.from;
        leave(step, occupant, client, {Role::none, false, {}, {}, {}, {}, {}});
        other->clients.push_back({client, shown_of(presence), limits_.burst, {}});
        show(step, *other, other->clients.back(), {other->role, true, {}, {}, {}, {}, {}});
        return step;
    }
    show(step, occupant, occupant.clients.back(), {occupant.role, false, {303}, {}, nick, {}, {}});
    occupant.nick = nick;
    for (auto& client : occupant.clients)
        if (client.jid == presence.from) client.shown = shown_of(presence);
    show(step, occupant, occupant.clients.back(), {occupant.role, true, {}, {}, {}, {}, {}});
    return step;
}

void Room::leave(RoomStep& step, Occupant& occupant, const xmpp::Jid& client, Said said) {
    if (occupant.clients.size() == 1) return remove(step, occupant, std::move(said));
    const auto gone = std::find_if(occupant.clients.begin(), occupant.clients.end(),
                                   [&](const Client& each) { return each.jid == client; });
    if (gone == occupant.clients.end()) return;
    Envelope own;  // the others still see the person
    own.stanza = presence_of(occupant, *gone, said, true, true);
    own.to = client;
    step.send.push_back(std::move(own));
    occupant.clients.erase(gone);
}

void Room::remove(RoomStep& step, Occupant& occupant, Said said) {
    said.available = false;
    said.role = Role::none;
    show(step, occupant, occupant.clients.back(), said);
    std::erase_if(occupants_, [&](const auto& each) { return each.get() == &occupant; });
}

std::shared_ptr<const Stanza> Room::presence_of(const Occupant& occupant, const Client& client, const Said& said,
                                                bool with_address, bool own) const {
    Stanza stanza;
    stanza.kind = Stanza::Kind::presence;
    stanza.from = address(occupant.nick);
    if (!said.available) stanza.type = "unavailable";
    stanza.children = client.shown;
    auto& x = stanza.add(xml::Element(ns::muc_user, "x"));
    auto& item = x.add(xml::Element(ns::muc_user, "item"));
    item.set("affiliation", to_string(record_.affiliation(occupant.bare)));
    item.set("role", to_string(said.role));
    if (with_address || own) item.set("jid", client.jid.to_string());
    if (!said.new_nick.empty()) item.set("nick", said.new_nick);
    if (!said.reason.empty()) item.add(xml::Element(ns::muc_user, "reason").with_text(said.reason));
    if (said.destroy) x.add(*said.destroy);
    const auto add = [&](int code) { x.add(xml::Element(ns::muc_user, "status")).set("code", std::to_string(code)); };
    for (const int code : said.codes) add(code);
    if (own) {
        for (const int code : said.own_codes) add(code);
        add(110);
    }
    return std::make_shared<const Stanza>(std::move(stanza));
}

std::shared_ptr<const Stanza> Room::presence_of(const RoomContact& contact, bool available, bool with_address,
                                                std::vector<int> codes) const {
    Stanza stanza;
    stanza.kind = Stanza::Kind::presence;
    stanza.from = address(contact.nick);
    if (!available) stanza.type = "unavailable";
    auto& x = stanza.add(xml::Element(ns::muc_user, "x"));
    auto& item = x.add(xml::Element(ns::muc_user, "item"));
    item.set("affiliation", to_string(record_.affiliation(contact.jid)));
    item.set("role", to_string(available ? Role::participant : Role::none));
    if (with_address) item.set("jid", contact.jid.to_string());
    for (const int code : codes) x.add(xml::Element(ns::muc_user, "status")).set("code", std::to_string(code));
    return std::make_shared<const Stanza>(std::move(stanza));
}

void Room::show(RoomStep& step, const Occupant& occupant, const Client& client, const Said& said) const {
    // One value for many: with the address, without it, and the occupant's own.
    const auto open = presence_of(occupant, client, said, true, false);
    const auto closed = record_.config.shows_addresses ? open : presence_of(occupant, client, said, false, false);
    const auto own = presence_of(occupant, client, said, true, true);
    for (const auto& other : occupants_)
        for (const auto& to : other->clients) {
            Envelope sent;
            sent.stanza = other.get() == &occupant ? own : is_moderator(*other) ? open : closed;
            sent.to = to.jid;
            step.send.push_back(std::move(sent));
        }
}

void Room::show(RoomStep& step, const RoomContact& contact, bool available, const std::vector<int>& codes) const {
    const auto open = presence_of(contact, available, true, codes);
    const auto closed = record_.config.shows_addresses ? open : presence_of(contact, available, false, codes);
    for (const auto& other : occupants_)
        for (const auto& to : other->clients) {
            Envelope sent;
            sent.stanza = is_moderator(*other) ? open : closed;
            sent.to = to.jid;
            step.send.push_back(std::move(sent));
        }
}

// The partner's client may watch the room like a person: it is there for those who are in it.
RoomStep Room::contact_presence(const Stanza& presence, const RoomContact& contact) const {
    RoomStep step;
    const bool in = contact.state != RoomContact::State::left;
    const auto answer = [&](std::string_view type) {
        Stanza stanza;
        stanza.kind = Stanza::Kind::presence;
        stanza.from = type.empty() ? address("room") : jid_;
        stanza.to = presence.from.bare();
        stanza.type = type;
        step.send.push_back(envelope(std::move(stanza)));
    };
    if (presence.type == "subscribe") answer(in ? "subscribed" : "unsubscribed");
    if (presence.type == "probe") answer(in ? "" : "unsubscribed");
    return step;
}

}  // namespace parley::im
