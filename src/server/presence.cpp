#include "server/presence.hpp"

#include "im/presence.hpp"
#include "im/roster_iq.hpp"
#include "im/subscription.hpp"
#include "server/c2s_stream.hpp"
#include "server/session.hpp"
#include "server/shard.hpp"
#include "server/storage_error.hpp"
#include "server/user.hpp"
#include "server/user_policy.hpp"
#include "xml/parser.hpp"
#include "xml/writer.hpp"
#include "xmpp/ns.hpp"

namespace parley::server {

using xmpp::Stanza;

namespace {

constexpr std::size_t directed_limit = 1000;  // addresses a session keeps for directed presence

// To everybody who is to see this user, and to the user's other resources: one value, many addresses.
void broadcast(Shard& shard, User& user, const Session& session, std::shared_ptr<const Stanza> stanza) {
    im::Envelope envelope;
    envelope.stanza = std::move(stanza);
    for (const auto& [contact, item] : user.roster().items) {
        if (!item.has_from() || user.blocks(contact)) continue;
        envelope.to = contact;
        shard.send(envelope);
    }
    for (const auto& other : user.sessions()) {
        if (!other->available() && other.get() != &session) continue;
        envelope.to = other->jid();
        other->deliver(envelope);
    }
}

// RFC 6121 4.2.2, 4.3: what a resource gets when it becomes available.
void greet(Shard& shard, User& user, Session& session) {
    user.answer_decided();
    for (const auto& [contact, item] : user.roster().items) {
        if (user.blocks(contact)) continue;  // who is to see the user offline gets no sign of life
        if (item.has_to()) shard.send(presence_stanza(session.jid(), contact, "probe"));
        // An answer may have been lost with one of the two servers: asked again, the contact's side answers again.
        if (item.pending_out)
            shard.route(im::envelope(presence_stanza(user.jid(), contact, "subscribe")), [](im::Outcome) {});
        // 3.1.3: a request waits until it is answered, and is shown at each log-in.
        if (auto request = item.pending_in ? request_of(item) : nullptr) {
            im::Envelope envelope;
            envelope.stanza = std::move(request);
            envelope.to = session.jid();
            session.deliver(envelope);
        }
    }
    for (const auto& other : user.sessions()) {
        if (other.get() == &session || !other->available()) continue;
        im::Envelope envelope;
        envelope.stanza = other->presence;
        envelope.to = session.jid();
        session.deliver(envelope);
    }
}

void become_available(Shard& shard, User& user, Session& session, Stanza stanza) {
    const bool initial = !session.available();
    const bool could_take = !initial && session.priority >= 0;
    session.priority = im::presence_of(stanza).priority;
    session.presence = std::make_shared<const Stanza>(std::move(stanza));
    shard.native_clients.on_available(session);
    broadcast(shard, user, session, session.presence);
    if (initial) greet(shard, user, session);
    if (session.priority >= 0 && !could_take) user.flush_offline(session);
}

void become_unavailable(Shard& shard, User& user, Session& session, std::shared_ptr<const Stanza> stanza) {
    const bool was_available = session.available();
    session.presence.reset();
    im::Envelope envelope;
    envelope.stanza = stanza;
    for (const auto& to : std::exchange(session.directed, {})) {
        const auto* item = user.roster().find(to);
        if (was_available && item && item->has_from()) continue;  // hears it below
        envelope.to = to;
        shard.send(envelope);
    }
    if (was_available) broadcast(shard, user, session, std::move(stanza));
}

void directed(Shard& shard, User& user, Session& session, Stanza stanza) {
    const auto* item = user.roster().find(stanza.to);
    if (stanza.type == "unavailable")
        session.directed.erase(stanza.to);
    else if (!(item && item->has_from() && session.available()) && session.directed.size() < directed_limit)
        session.directed.insert(stanza.to);
    shard.send(std::move(stanza));
}

// For `parleyctl explain`.
void note_outcome(Shard& shard, const User& user, const xmpp::Jid& contact, const im::SubscriptionOutcome& outcome) {
    using What = im::PairEvent::What;
    const bool about_the_contact = outcome.reply || outcome.send_presence || outcome.send_unavailable ||
                                   outcome.deliver == im::SubscriptionOutcome::Deliver::available;
    if (!outcome.item || !about_the_contact) return;
    const auto& item = *outcome.item;
    note_event(shard, user.jid(), contact,
               item.has_from()   ? What::let_in
               : item.pending_in ? What::asked
               : item.refused    ? What::refused
                                 : What::ended);
}

void subscription_stanza(Shard& shard, Session& session, Stanza stanza, im::SubscriptionType type,
                         im::Settled settled) {
    auto& user = session.user();
    const auto contact = stanza.to.bare();
    if (contact == user.jid()) return settled(im::accepted);  // one sees oneself anyway
    const auto& limits = shard.settings().limits;
    const auto* before = user.roster().find(contact);
    if (!before && user.roster().occupied() >= limits.roster_items) {
        session.deliver(
            im::envelope(stanza.error(xmpp::stanza_error("policy-violation", "your contact list is full"))));
        return settled(im::accepted);
    }
    if (auto decision = decision_in(session, stanza, type, before))
        return user.change_policy(*std::move(decision), [settled = std::move(settled)](const Result<>& stored) {
            settled(stored ? im::Outcome{} : storage_error(stored.error()));
        });
    auto outcome = im::outbound(before, contact, type, user.manner(contact));
    if (user.blocks(contact)) outcome.route = false;
    stanza.from = user.jid();  // RFC 6121 3.1.2: on behalf of the account, not of one resource
    stanza.to = contact;
    auto then = [&shard, jid = user.jid(), contact, outcome, stanza = std::move(stanza),
                 settled = std::move(settled)](Result<> stored) mutable {
        auto* now = shard.loaded_user(jid);
        if (!stored) return settled(storage_error(stored.error()));
        if (!now) return settled(xmpp::stanza_error("service-unavailable"));  // the account was removed meanwhile
        note_outcome(shard, *now, contact, outcome);
        if (outcome.push) push_roster_item(*now, contact);
        if (outcome.send_unavailable) show_presence(shard, *now, contact, false);
        if (outcome.reply)
            shard.route(im::envelope(presence_stanza(jid, contact, im::to_string(*outcome.reply))), [](im::Outcome) {});
        if (outcome.route) {
            auto envelope = im::envelope(std::move(stanza));
            const auto sent = envelope.stanza;
            shard.route(std::move(envelope), [&shard, jid, sent, settled = std::move(settled)](im::Outcome refused) {
                auto* sender = shard.loaded_user(jid);
                if (refused && sender && sent->type == "subscribe")
                    for (const auto& own : sender->sessions())
                        if (own->interested) {
                            auto error = im::envelope(sent->error(*refused));
                            error.to = own->jid();
                            own->deliver(error);
                        }
                settled(im::accepted);
            });
        } else {
            settled(im::accepted);
        }
        if (outcome.send_presence) show_presence(shard, *now, contact, true);
    };
    if (outcome.item)
        user.change_roster({*outcome.item}, std::move(then));
    else
        then(Result<>{});
}

void inbound_subscription(Shard& shard, User& user, const Stanza& stanza, im::SubscriptionType type,
                          im::Settled settled) {
    const auto contact = stanza.from.bare();
    if (contact == user.jid()) return settled(im::accepted);
    const auto* before = user.roster().find(contact);
    const auto verdict = user.verdict(contact);
    const auto& items = user.roster().items;
    // Those who are refused have room of their own: they cannot fill the user's list.
    const auto used =
        verdict == im::Verdict::block ? items.size() - user.roster().occupied() : user.roster().occupied();
    if (!before && used >= shard.settings().limits.roster_items)
        return settled(xmpp::stanza_error("resource-constraint", "the contact list is full"));
    auto kept = stanza;
    kept.from = contact;
    kept.to = user.jid();
    const auto outcome = im::inbound(before, contact, type, xml::to_string(kept.encode()), verdict);
    auto then = [&shard, jid = user.jid(), contact, outcome, kept = std::move(kept),
                 settled = std::move(settled)](Result<> stored) mutable {
        auto* now = shard.loaded_user(jid);
        if (!stored) return settled(storage_error(stored.error()));
        if (!now) return settled(xmpp::stanza_error("service-unavailable"));  // the account was removed meanwhile
        settled(im::accepted);
        conclude(shard, *now, contact, outcome, std::make_shared<const Stanza>(std::move(kept)));
    };
    if (outcome.item)
        user.change_roster({*outcome.item}, std::move(then));
    else
        then(Result<>{});
}

void answer_probe(Shard& shard, User& user, const Stanza& probe) {
    const bool hidden = user.blocks(probe.from);
    std::vector<std::string> available;
    for (const auto& session : user.sessions())
        if (session->available() && session->jid() != probe.from && !hidden)
            available.push_back(session->jid().resource());
    const auto& asked = probe.to.empty() ? user.jid() : probe.to;
    const auto answer = im::answer_probe(true, user.roster().find(probe.from.bare()), probe.from.same_bare(user.jid()),
                                         asked, available);
    using Kind = im::ProbeAnswer::Kind;
    switch (answer.kind) {
        case Kind::ignore: return;
        case Kind::unsubscribed: return shard.send(presence_stanza(user.jid(), probe.from.bare(), "unsubscribed"));
        case Kind::unavailable: return shard.send(presence_stanza(asked, probe.from, "unavailable"));
        case Kind::presence: break;
    }
    for (const auto& resource : answer.resources) {
        im::Envelope envelope;
        envelope.stanza = user.session(resource)->presence;
        envelope.to = probe.from;
        shard.send(std::move(envelope));
    }
}

}  // namespace

void receive_own_presence(Shard& shard, Session& session, Stanza stanza, im::Settled settled) {
    auto& user = session.user();
    if (!stanza.to.empty())
        if (const auto type = im::subscription_type(stanza.type))
            return subscription_stanza(shard, session, std::move(stanza), *type, std::move(settled));
    if (stanza.type.empty() || stanza.type == "unavailable") {
        if (!stanza.to.empty()) {
            directed(shard, user, session, std::move(stanza));
        } else if (stanza.type.empty()) {
            become_available(shard, user, session, std::move(stanza));
        } else {
            become_unavailable(shard, user, session, std::make_shared<const Stanza>(std::move(stanza)));
        }
    } else if (stanza.type == "error" && !stanza.to.empty()) {
        shard.send(std::move(stanza));
    }
    // Probes are the server's business (RFC 6121 4.3), and other types do not exist: ignored.
    settled(im::accepted);
}

Stanza presence_stanza(const xmpp::Jid& from, const xmpp::Jid& to, std::string_view type) {
    Stanza stanza;
    stanza.kind = Stanza::Kind::presence;
    stanza.from = from;
    stanza.to = to;
    stanza.type = type;
    return stanza;
}

std::shared_ptr<const Stanza> request_of(const im::RosterItem& item) {
    if (item.request.empty()) return nullptr;
    auto element = xml::parse_document(item.request);
    auto request = element ? Stanza::decode(*std::move(element)) : Result<Stanza>(element.error());
    return request ? std::make_shared<const Stanza>(*std::move(request)) : nullptr;
}

void conclude(Shard& shard, User& user, const xmpp::Jid& contact, const im::SubscriptionOutcome& outcome,
              std::shared_ptr<const Stanza> request) {
    im::Envelope envelope;
    envelope.stanza = std::move(request);
    using Deliver = im::SubscriptionOutcome::Deliver;
    for (const auto& session : user.sessions()) {
        const bool wanted = outcome.deliver == Deliver::available    ? session->available()
                            : outcome.deliver == Deliver::interested ? session->interested
                                                                     : false;
        if (!wanted || !envelope.stanza) continue;
        envelope.to = session->jid();
        session->deliver(envelope);
    }
    note_outcome(shard, user, contact, outcome);
    if (outcome.reply)
        shard.route(im::envelope(presence_stanza(user.jid(), contact, im::to_string(*outcome.reply))),
                    [](im::Outcome) {});
    if (outcome.push) push_roster_item(user, contact);
    if (outcome.send_presence) show_presence(shard, user, contact, true);
    if (outcome.send_unavailable) show_presence(shard, user, contact, false);
}

void session_unavailable(Shard& shard, User& user, Session& session) {
    if (!session.available() && session.directed.empty()) return;
    auto gone = presence_stanza(session.jid(), {}, "unavailable");
    become_unavailable(shard, user, session, std::make_shared<const Stanza>(std::move(gone)));
}

void show_presence(Shard& shard, User& user, const xmpp::Jid& contact, bool available) {
    if (user.blocks(contact)) return;  // sees the user offline already
    for (const auto& session : user.sessions()) {
        if (!session->available()) continue;
        im::Envelope envelope;
        envelope.to = contact;
        envelope.stanza = available
                              ? session->presence
                              : std::make_shared<const Stanza>(presence_stanza(session->jid(), contact, "unavailable"));
        shard.send(std::move(envelope));
    }
}

void push_roster_item(User& user, const xmpp::Jid& contact) {
    const auto* item = user.roster().find(contact);
    for (const auto& session : user.sessions()) {
        if (!session->interested) continue;
        Stanza push;
        push.kind = Stanza::Kind::iq;
        push.type = "set";
        push.id = "push-" + std::to_string(user.roster().version);
        push.to = session->jid();
        push.add(item && item->shown() ? im::encode_roster_push(*item, user.roster().version)
                                       : im::encode_roster_removal(contact, user.roster().version));
        session->deliver(im::envelope(std::move(push)));
    }
}

// RFC 6121 8.5.2.1.2, 8.5.3.1, 3, 4.3.2: presence that arrives for a user.
void User::receive_presence(const im::Envelope& envelope, im::Settled settled) {
    const auto& stanza = *envelope.stanza;
    if (const auto type = im::subscription_type(stanza.type))
        return inbound_subscription(shard_, *this, stanza, *type, std::move(settled));
    if (stanza.type == "probe") {
        answer_probe(shard_, *this, stanza);
    } else if (blocks(stanza.from)) {
        // Dropped; nobody is told of presence.
    } else if (!envelope.to.is_bare()) {
        if (auto* to = session(envelope.to.resource()); to && (to->available() || !stanza.type.empty()))
            to->deliver(envelope);
    } else {
        auto copy = envelope;
        for (const auto& session : sessions_) {
            if (!session->available() || session->jid() == stanza.from) continue;
            copy.to = session->jid();
            session->deliver(copy);
        }
    }
    settled(im::accepted);
}

// The change is true in memory at once, so that what follows builds on it; what it causes waits for the disk.
void User::change_roster(std::vector<im::RosterItem> items, Function<void(Result<>)> then) {
    storage::RosterChange change;
    change.version = ++roster_.version;
    for (auto& item : items) {
        if (item.empty()) {
            roster_.items.erase(item.contact);
            change.remove.push_back(item.contact);
        } else {
            roster_.items[item.contact] = item;
            change.put.push_back(std::move(item));
        }
    }
    last_used = shard_.clock().now();
    shard_.stores().rosters().apply(jid_, std::move(change),
                                    [&shard = shard_, jid = jid_, then = std::move(then)](Result<> done) {
                                        if (!done) shard.reload_user(jid);  // memory says what the disk does not
                                        then(std::move(done));
                                    });
}

}  // namespace parley::server
