#include "server/room/room_service.hpp"

#include "base/crash_point.hpp"
#include "server/shard.hpp"
#include "server/storage_error.hpp"
#include "xml/parser.hpp"
#include "xmpp/ns.hpp"
#include "xmpp/payload/disco.hpp"

namespace parley::server {

using xmpp::Stanza;

namespace {

constexpr Millis room_kept{60'000};  // in memory, after the last use

xmpp::StanzaError absence(const Error& why) {
    return why.code == Errc::not_found ? xmpp::stanza_error("item-not-found", "there is no such room")
                                       : storage_error(why);
}

}  // namespace

RoomService::RoomService(Shard& shard) : shard_(shard) {}
RoomService::~RoomService() = default;

// ---- rooms in memory

RoomService::Entry* RoomService::find(const xmpp::Jid& room) const {
    const auto found = rooms_.find(room.is_bare() ? room : room.bare());
    if (found == rooms_.end()) return nullptr;
    found->second->last_used = shard_.clock().now();
    return found->second.get();
}

void RoomService::with_room(const xmpp::Jid& room, Found then) {
    if (auto* entry = find(room)) return then(entry);
    const auto bare = room.bare();
    auto& waiting = loading_[bare];
    waiting.push_back(std::move(then));
    if (waiting.size() > 1) return;
    shard_.stores().rooms().load(
        bare, [this, bare](Result<storage::RoomStore::Loaded> record) { loaded(bare, std::move(record)); });
}

void RoomService::loaded(const xmpp::Jid& room, Result<storage::RoomStore::Loaded> record) {
    auto entry = [&]() -> Result<Entry*> {
        if (!record) return record.error();
        auto decoded = im::decode_room(record->record);
        if (!decoded) return Error{Errc::storage, room.to_string() + ": " + decoded.error().detail};
        auto fresh = std::make_unique<Entry>(room, *std::move(decoded), limits(), shard_.settings().sentences);
        for (const auto& kept : record->history) {
            auto element = xml::parse_document(kept.stanza);
            auto message = element ? Stanza::decode(*std::move(element)) : Result<Stanza>(element.error());
            if (message) fresh->room.remember(kept.received, std::make_shared<const Stanza>(*std::move(message)));
        }
        fresh->last_used = shard_.clock().now();
        return (rooms_[room] = std::move(fresh)).get();
    }();
    const auto callers = loading_.extract(room);
    if (!callers.empty())
        for (const auto& caller : callers.mapped()) caller(entry);
}

void RoomService::sweep() {
    const auto now = shard_.clock().now();
    std::erase_if(rooms_, [&](const auto& each) {
        const auto& entry = *each.second;
        return entry.room.empty() && entry.steps.empty() && now - entry.last_used > room_kept;
    });
}

im::Room::Moment RoomService::moment() const {
    return {shard_.clock().now(), shard_.clock().wall(), shard_.random().hex(12)};
}

im::RoomLimits RoomService::limits() const {
    const auto& limits = shard_.settings().limits;
    im::RoomLimits out;
    out.occupants = limits.room_occupants;
    out.contacts = limits.room_contacts;
    out.history = limits.room_history;
    out.text = limits.room_text;
    out.per_second = limits.room_stanzas_per_second;
    out.burst = limits.room_stanzas_burst;
    return out;
}

storage::RoomRow RoomService::row_of(const im::Room& room) const {
    const auto& record = room.record();
    return {room.jid(), record.creator, record.config.name, record.config.listed, im::encode_room(record)};
}

// ---- stanzas

void RoomService::on_hand(im::Envelope envelope, im::Settled settled) {
    if (envelope.stanza->kind != Stanza::Kind::message) {
        on_presence(envelope);
        return settled(im::accepted);
    }
    const auto to = envelope.to;
    with_room(to, [this, envelope = std::move(envelope), settled = std::move(settled)](Result<Entry*> entry) mutable {
        if (!entry) return settled(absence(entry.error()));
        auto step = (*entry)->room.on_message(*envelope.stanza, envelope.to, moment());
        perform(**entry, std::move(step), envelope.origin, std::move(settled));
    });
}

void RoomService::on_cast(const im::Envelope& envelope) {
    const auto& stanza = *envelope.stanza;
    if (stanza.kind == Stanza::Kind::presence) return on_presence(envelope);
    if (stanza.kind == Stanza::Kind::iq && !stanza.is_request()) return;
    with_room(envelope.to, [this, envelope](Result<Entry*> entry) {
        const auto& asked = *envelope.stanza;
        const bool request = asked.is_request();
        auto refuse = [this, envelope, request](const im::Outcome& refused) {
            if (refused && request) shard_.send(envelope.stanza->error(*refused));
        };
        if (!entry) return refuse(absence(entry.error()));
        auto& room = (*entry)->room;
        auto step = request ? room.on_iq(asked, envelope.to, moment()) : room.on_message(asked, envelope.to, moment());
        perform(**entry, std::move(step), envelope.origin, std::move(refuse));
    });
}

void RoomService::on_presence(const im::Envelope& envelope) {
    const auto& type = envelope.stanza->type;
    if ((type == "unavailable" || type == "error") && !find(envelope.to)) return;  // nobody is in it
    with_room(envelope.to, [this, envelope](Result<Entry*> entry) {
        const auto& presence = *envelope.stanza;
        if (!entry && entry.error().code == Errc::not_found && presence.type.empty()) return create(envelope);
        const auto refuse = [this, envelope](const im::Outcome& refused) {
            if (refused && !envelope.stanza->is_error()) shard_.send(envelope.stanza->error(*refused));
        };
        if (entry) return perform(**entry, (*entry)->room.on_presence(presence, envelope.to, moment()), {}, refuse);
        if (presence.type.empty()) return refuse(absence(entry.error()));
        if (presence.type == "subscribe" || presence.type == "probe") {  // RFC 6121 4.3.2.1
            auto none = presence.reply("unsubscribed");
            none.from = envelope.to.bare();
            none.to = presence.from.bare();
            none.id.clear();
            shard_.send(std::move(none));
        }
    });
}

// XEP-0045 10.1: who enters a room that is not there makes it. Only our own users may.
void RoomService::create(const im::Envelope& envelope) {
    const auto& presence = *envelope.stanza;
    const auto refuse = [this, stanza = envelope.stanza](std::string_view condition, std::string_view text) {
        shard_.send(stanza->error(xmpp::stanza_error(condition, text)));
    };
    if (!shard_.settings().domains.contains(presence.from.domain()))
        return refuse("item-not-found", "there is no such room, and only users of this server may make one");
    if (envelope.to.resource().empty()) return refuse("jid-malformed", "a nickname is missing");
    im::RoomRecord record;
    record.creator = presence.from.bare();
    record.affiliations[record.creator] = im::Affiliation::owner;
    const im::Room fresh(envelope.to.bare(), record, limits(), shard_.settings().sentences);
    const auto& most = shard_.settings().limits;
    shard_.stores().rooms().create(
        row_of(fresh), {most.rooms, most.rooms_per_user}, [this, envelope, refuse](const Result<>& made) {
            if (!made && made.error().code == Errc::too_long) return refuse("resource-constraint", made.error().detail);
            if (!made && made.error().code != Errc::conflict)
                return shard_.send(envelope.stanza->error(storage_error(made.error())));
            const bool ours = made.has_value();
            with_room(envelope.to, [this, envelope, ours](Result<Entry*> entry) {
                if (!entry) return shard_.send(envelope.stanza->error(absence(entry.error())));
                auto step = (*entry)->room.on_presence(*envelope.stanza, envelope.to, moment(), ours);
                perform(**entry, std::move(step), {}, [this, envelope](const im::Outcome& refused) {
                    if (refused) shard_.send(envelope.stanza->error(*refused));
                });
            });
        });
}

void RoomService::reception(const xmpp::Jid& room, Function<void(Result<im::Reception>)> then) {
    with_room(room, [then = std::move(then)](const Result<Entry*>& entry) {
        if (entry) return then(im::Reception::open);
        if (entry.error().code == Errc::not_found) return then(im::Reception::nobody);
        then(entry.error());
    });
}

// ---- what follows

void RoomService::perform(Entry& entry, im::RoomStep step, std::string origin, im::Settled settled) {
    if (step.refused) return settled(step.refused);
    if (!step.invitations.empty()) {
        // Each may wait for DNS; the message is done with when all are.
        auto left = std::make_shared<std::size_t>(step.invitations.size());
        auto all = std::make_shared<im::Settled>(std::move(settled));
        auto refusal = std::make_shared<im::Outcome>();
        for (const auto& invitation : step.invitations)
            invite(entry.room.jid(), invitation, [left, all, refusal](const im::Outcome& refused) {
                if (refused) *refusal = refused;
                if (--*left == 0) (*all)(*refusal);
            });
        return;
    }
    const auto room = entry.room.jid();
    auto pending = std::make_shared<Pending>();
    pending->step = std::move(step);
    pending->at = shard_.clock().wall();
    pending->settled = std::move(settled);
    entry.steps.push_back(pending);
    const auto& todo = pending->step;
    if (origin.empty()) origin = shard_.random().hex(16);
    auto& store = shard_.stores().rooms();
    const auto written = [this, room, pending](const Result<>& done) {
        one_done(room, pending, done ? std::nullopt : std::optional(storage_error(done.error())));
    };
    if (todo.destroyed) {
        ++pending->missing;
        store.remove(room, written);
    } else if (todo.save || entry.unsaved) {
        pending->step.save = true;
        entry.unsaved = false;
        ++pending->missing;
        store.put(row_of(entry.room), written);
    }
    if (todo.keep) {
        ++pending->missing;
        storage::RoomMessage message{pending->at, origin, {}};
        xmpp::write(message.stanza, *todo.keep, {});
        store.append(room, std::move(message), shard_.settings().limits.room_history,
                     [this, room, pending](const Result<bool>& was_there) {
                         crash_point("room.committed");
                         if (was_there && *was_there) {  // said again by a sender who has not heard from us
                             pending->step.send.clear();
                             pending->step.keep.reset();
                         }
                         one_done(room, pending,
                                  was_there ? std::nullopt : std::optional(storage_error(was_there.error())));
                     });
    }
    for (auto envelope : std::exchange(pending->step.durable, {})) {
        ++pending->missing;
        envelope.origin = "room " + origin + ' ' + envelope.to.to_string();
        const auto copy = envelope;
        shard_.route(std::move(envelope), [this, room, pending, copy](const im::Outcome& refused) {
            // Later: the text that the outbox has taken has not left yet, and nothing may overtake it.
            shard_.executor().post([this, room, pending, copy, refused] {
                auto* now = find(room);
                const bool ours = refused && refused->condition == "internal-server-error";  // our disk's
                bool to_contact = false;
                if (now)
                    for (const auto& contact : now->room.record().contacts)
                        to_contact = to_contact || contact.jid == copy.to;
                if (refused && to_contact && !ours) {
                    one_done(room, pending, {});
                    return not_delivered(room, copy, *refused);
                }
                one_done(room, pending, refused);
            });
        });
    }
    one_done(room, pending, {});
}

void RoomService::one_done(const xmpp::Jid& room, const std::shared_ptr<Pending>& pending,
                           std::optional<xmpp::StanzaError> failed) {
    if (failed) pending->failed = std::move(failed);
    --pending->missing;
    auto* entry = find(room);
    while (entry && !entry->steps.empty() && entry->steps.front()->missing == 0) {
        const auto next = std::move(entry->steps.front());
        entry->steps.pop_front();
        finish(*entry, *next);
        entry = find(room);  // it may be gone
    }
}

void RoomService::finish(Entry& entry, Pending& pending) {
    const auto room = entry.room.jid();
    if (pending.failed) {
        // A message that is not kept is heard by nobody. What the room has become it is, and people are told; whoever
        // asked for it hears that it may not last, and the next step writes it again.
        entry.unsaved = entry.unsaved || pending.step.save;
        if (pending.step.save && !pending.step.keep)
            for (auto& envelope : pending.step.send)
                if (envelope.stanza->kind != Stanza::Kind::iq) deliver(room, std::move(envelope));
        return pending.settled(pending.failed);
    }
    if (pending.step.keep) entry.room.remember(pending.at, pending.step.keep);
    for (auto& envelope : pending.step.send) deliver(room, std::move(envelope));
    if (pending.step.history)
        for (auto& envelope : entry.room.history(*pending.step.history)) deliver(room, std::move(envelope));
    for (auto& envelope : pending.step.last) deliver(room, std::move(envelope));
    const bool destroyed = pending.step.destroyed;
    pending.settled(im::accepted);
    if (!destroyed) return;
    const auto gone = rooms_.extract(room);  // what was on its way to a room that is gone fails
    if (!gone.empty())
        for (const auto& left : gone.mapped()->steps) left->settled(xmpp::stanza_error("gone"));
}

void RoomService::deliver(const xmpp::Jid& room, im::Envelope envelope) {
    if (envelope.stanza->kind != Stanza::Kind::message) return shard_.send(std::move(envelope));
    const auto copy = envelope;
    shard_.route(std::move(envelope), [this, room, copy](const im::Outcome& refused) {
        if (refused) not_delivered(room, copy, *refused);
    });
}

// As if the other side had sent the error back. In a turn of its own: the room may be in the middle of something.
void RoomService::not_delivered(const xmpp::Jid& room, const im::Envelope& envelope, const xmpp::StanzaError& why) {
    auto error = envelope.stanza->error(why);
    error.from = envelope.to;
    error.to = room;
    shard_.executor().post([this, room, error = std::move(error)] {
        if (auto* entry = find(room))
            perform(*entry, entry->room.on_message(error, room, moment()), {}, [](const im::Outcome&) {});
    });
}

// ---- invitations

void RoomService::invite(const xmpp::Jid& room, const im::Invitation& invitation, im::Settled settled) {
    const auto& domain = invitation.to.domain();
    if (shard_.is_local(domain)) return invite_over(room, invitation, false, std::move(settled));
    const auto way = shard_.settings().policy.route(domain);
    if (!way) return settled(xmpp::stanza_error("not-allowed", "exchange with " + domain + " is not allowed here"));
    if (*way != im::Transport::automatic || !shard_.node().transports)
        return invite_over(room, invitation, *way == im::Transport::sip, std::move(settled));
    shard_.node().transports->find(
        shard_.executor(), domain,
        [this, room, invitation, settled = std::move(settled)](const Result<im::Transport>& found) mutable {
            if (!found) return settled(xmpp::stanza_error("remote-server-not-found", found.error().detail));
            invite_over(room, invitation, *found == im::Transport::sip, std::move(settled));
        });
}

void RoomService::invite_over(const xmpp::Jid& room, const im::Invitation& invitation, bool sip, im::Settled settled) {
    with_room(room, [this, invitation, sip, settled = std::move(settled)](Result<Entry*> entry) mutable {
        if (!entry) return settled(absence(entry.error()));
        auto& found = (*entry)->room;
        auto step = sip ? found.invite_contact(invitation, moment()) : found.send_invitation(invitation);
        perform(**entry, std::move(step), {}, std::move(settled));
    });
}

// ---- the service

void RoomService::answer(const Stanza& request, xml::Element payload) {
    auto reply = request.reply();
    reply.add(std::move(payload));
    shard_.send(std::move(reply));
}

void RoomService::answer_for_service(const Stanza& request) {
    const auto& payload = *request.payload();
    const bool get = request.type == "get";
    if (get && payload.is(xmpp::ns::ping, "ping")) return shard_.send(request.reply());
    if (get && payload.is(xmpp::ns::disco_info, "query") && payload.attribute("node").empty()) {
        xmpp::DiscoInfo info;
        info.identities.push_back({"conference", "text", "Rooms", {}});
        for (const auto feature : {xmpp::ns::disco_info, xmpp::ns::disco_items, xmpp::ns::muc, xmpp::ns::ping})
            info.features.emplace_back(feature);
        return answer(request, xmpp::encode(info));
    }
    if (get && payload.is(xmpp::ns::disco_items, "query") && payload.attribute("node").empty()) {
        using Listed = std::vector<storage::RoomStore::Listed>;
        auto listed = [this, request](const Result<Listed>& rooms) {
            if (!rooms) return shard_.send(request.error(storage_error(rooms.error())));
            xmpp::DiscoItems items;
            for (const auto& each : *rooms)
                items.items.push_back({each.room, {}, each.name.empty() ? each.room.local() : each.name});
            answer(request, xmpp::encode(items));
        };
        return shard_.stores().rooms().list(request.to.domain(), std::move(listed));
    }
    shard_.send(request.error(xmpp::stanza_error("service-unavailable")));
}

}  // namespace parley::server
