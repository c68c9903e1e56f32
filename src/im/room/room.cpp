#include "im/room/room.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "xmpp/ns.hpp"

namespace parley::im {

using xmpp::Stanza;
namespace ns = xmpp::ns;

Room::Room(xmpp::Jid jid, RoomRecord record, RoomLimits limits, Sentences sentences)
    : jid_(std::move(jid)), record_(std::move(record)), limits_(limits), sentences_(std::move(sentences)) {}

Room::~Room() = default;

std::size_t Room::size() const {
    std::size_t clients = 0;
    for (const auto& occupant : occupants_) clients += occupant->clients.size();
    return clients + record_.contacts.size();
}

Room::Occupant* Room::find_client(const xmpp::Jid& client, Client** which) {
    for (const auto& occupant : occupants_)
        for (auto& each : occupant->clients)
            if (each.jid == client) {
                if (which) *which = &each;
                return occupant.get();
            }
    return nullptr;
}

Room::Occupant* Room::find_nick(std::string_view nick) {
    for (const auto& occupant : occupants_)
        if (occupant->nick == nick) return occupant.get();
    return nullptr;
}

RoomContact* Room::find_contact(const xmpp::Jid& person) {
    for (auto& contact : record_.contacts)
        if (contact.jid.same_bare(person)) return &contact;
    return nullptr;
}

bool Room::nick_taken(std::string_view nick, const xmpp::Jid& except) const {
    for (const auto& occupant : occupants_)
        if (occupant->nick == nick && !occupant->bare.same_bare(except)) return true;
    for (const auto& contact : record_.contacts)
        if (contact.nick == nick && !contact.jid.same_bare(except)) return true;
    return false;
}

bool Room::too_fast(Client& client, const Moment& at) const {
    const auto passed = std::chrono::duration<double>(at.now - client.refilled).count();
    client.tokens = std::min(limits_.burst, client.tokens + passed * limits_.per_second);
    client.refilled = at.now;
    if (client.tokens < 1) return true;
    client.tokens -= 1;
    return false;
}

xmpp::Jid Room::address(std::string_view nick) const {
    auto there = jid_.with_resource(nick);
    return there ? *std::move(there) : jid_;
}

Role Room::first_role(Affiliation affiliation) const {
    if (affiliation >= Affiliation::admin) return Role::moderator;
    if (affiliation == Affiliation::member || !record_.config.moderated) return Role::participant;
    return Role::visitor;
}

void Room::to_all(RoomStep& step, const std::shared_ptr<const Stanza>& stanza) const {
    for (const auto& occupant : occupants_)
        for (const auto& client : occupant->clients) {
            Envelope envelope;
            envelope.stanza = stanza;
            envelope.to = client.jid;
            step.send.push_back(std::move(envelope));
        }
}

// The room itself says something to everybody who reads XMPP.
void Room::notice(RoomStep& step, std::string_view id, const std::vector<std::string>& args, const Moment& at) const {
    const auto sentences = sentences_(id, args);
    if (sentences.empty()) return;
    Stanza message;
    message.kind = Stanza::Kind::message;
    message.type = "groupchat";
    message.from = jid_;
    message.id = at.id;
    message.lang = sentences.front().language;
    for (const auto& sentence : sentences) {
        auto& body = message.add(xml::Element(ns::client, "body").with_text(sentence.text));
        if (sentence.language != message.lang) body.set("lang", sentence.language, ns::xml);
    }
    to_all(step, std::make_shared<const Stanza>(std::move(message)));
}

std::string Room::say(std::string_view language, std::string_view id, const std::vector<std::string>& args) const {
    const auto sentences = sentences_(id, args);
    const auto of = [&](std::string_view wanted) {
        return std::find_if(sentences.begin(), sentences.end(),
                            [&](const Sentence& sentence) { return sentence.language == wanted; });
    };
    if (sentences.empty()) return {};
    const auto found = of(language.substr(0, 2));
    return found == sentences.end() ? sentences.front().text : found->text;
}

Envelope Room::text_to(const RoomContact& contact, std::string text, const Moment& at, bool asks_receipt) const {
    Stanza message;
    message.kind = Stanza::Kind::message;
    message.type = "chat";
    message.from = jid_;
    message.to = contact.jid;
    message.id = at.id;
    message.add(xml::Element(ns::client, "body").with_text(text));
    if (asks_receipt) message.add(xml::Element(ns::receipts, "request"));
    auto sent = envelope(std::move(message));
    sent.durable = true;
    return sent;
}

void Room::tell_contacts(RoomStep& step, const std::string& text, const Moment& at, const xmpp::Jid& except) const {
    for (const auto& contact : record_.contacts)
        if (contact.state != RoomContact::State::left && !contact.jid.same_bare(except))
            step.durable.push_back(text_to(contact, text, at, true));
}

RoomStep Room::on_gone(const xmpp::Jid& client) {
    RoomStep step;
    if (auto* occupant = find_client(client))
        leave(step, *occupant, client, {Role::none, false, {333}, {}, {}, {}, {}});
    return step;
}

void Room::remember(TimePoint received, std::shared_ptr<const Stanza> message) {
    history_.push_back({received, std::move(message)});
    while (history_.size() > limits_.history) history_.pop_front();
}

}  // namespace parley::im
