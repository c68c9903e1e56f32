#include "server/user.hpp"

#include <algorithm>

#include "base/crash_point.hpp"
#include "base/hash_stream.hpp"
#include "im/message_rules.hpp"
#include "server/c2s_stream.hpp"
#include "server/carbons.hpp"
#include "server/module/modules.hpp"
#include "server/presence.hpp"
#include "server/shard.hpp"
#include "server/storage_error.hpp"
#include "server/trace_points.hpp"
#include "server/user_policy.hpp"
#include "xmpp/payload/stanza_id.hpp"

namespace parley::server {

using xmpp::Stanza;

namespace {

std::uint64_t origin_key(const xmpp::Jid& user, std::string_view origin) {
    return std::max<std::uint64_t>(HashStream().add(user.local()).add(user.domain()).add(origin).value(), 1);
}

void remove_forged(im::Envelope& envelope, const xmpp::Jid& by) {
    if (!xmpp::has_stanza_id(*envelope.stanza, by)) return;
    auto honest = std::make_shared<Stanza>(*envelope.stanza);
    xmpp::remove_stanza_ids(*honest, by);
    envelope.stanza = std::move(honest);
}

}  // namespace

User::User(Shard& shard, xmpp::Jid jid, im::Roster roster, im::UserPolicy policy,
           std::optional<storage::SpoolUsage> usage)
    : shard_(shard), jid_(std::move(jid)), roster_(std::move(roster)), policy_(std::move(policy)), usage_(usage) {}

User::~User() = default;

Session* User::session(std::string_view resource) const {
    for (const auto& session : sessions_)
        if (session->jid().resource() == resource) return session.get();
    return nullptr;
}

Session* User::resumable(std::string_view resume_id) const {
    for (const auto& session : sessions_)
        if (session->resumable() && session->resume_id() == resume_id) return session.get();
    return nullptr;
}

bool User::has_available() const {
    return std::any_of(sessions_.begin(), sessions_.end(), [](const auto& session) { return session->available(); });
}

// The quota is for what waits, not for what is only passing through to somebody who is there.
bool User::is_full(bool unheard) const {
    if (!usage_) return false;
    const auto& limits = shard_.settings().limits;
    auto waits = *usage_;
    if (unheard) {
        waits.messages += unheard_.messages;
        waits.bytes += unheard_.bytes;
    }
    return waits.messages >= limits.offline_messages + in_flight_.size() || waits.bytes >= limits.offline_bytes;
}

Session& User::bind(xmpp::Jid full) {
    return *sessions_.emplace_back(std::make_shared<Session>(shard_, *this, std::move(full)));
}

void User::end(Session& session) {
    const auto found =
        std::find_if(sessions_.begin(), sessions_.end(), [&](const auto& s) { return s.get() == &session; });
    if (found == sessions_.end()) return;
    const auto ended = *found;
    sessions_.erase(found);
    ended->resume_timer.cancel();
    shard_.sent.session_over(*ended);
    session_unavailable(shard_, *this, *ended);
    route_anew(ended->take_unconfirmed());
    if (ended->has_backlog())
        for (const auto& other : sessions_)
            if (other->available() && other->priority >= 0) flush_offline(*other);
    last_used = shard_.clock().now();
}

// --- messages
// ----------------------------------------------------------------------------------------------------------

void User::receive_message(im::Envelope envelope, im::Settled settled) {
    last_used = shard_.clock().now();
    shard_.counters.messages.fetch_add(1, std::memory_order_relaxed);
    if (envelope.kept_by_sender && shard_.delivered_first.count(origin_key(jid_, envelope.origin)) > 0)
        return receive_repetition(std::move(envelope), std::move(settled));
    route(std::move(envelope), std::move(settled));
}

void User::route(im::Envelope envelope, im::Settled settled) {
    envelope.unheard = blocks(envelope.stanza->from);
    const auto decision =
        im::route(*envelope.stanza, envelope.to, envelope.unheard ? im::Recipient{true, {}} : as_recipient());
    if (envelope.unheard) note_unheard(shard_, *this, *envelope.stanza);
    if (trace::on(shard_) && (decision.error || envelope.unheard))
        trace::step(shard_, envelope, decision.error ? "refused" : "unheard",
                    {{"user", jid_.to_string()}, {"why", decision.error ? decision.error->condition : ""}});
    if (decision.error) {
        shard_.counters.bounced.fetch_add(1, std::memory_order_relaxed);
        return settled(decision.error);
    }
    const bool for_disk =
        decision.store || ((envelope.durable || must_wait(decision)) && im::is_stored_offline(*envelope.stanza));
    if (for_disk && !decision.ignored()) {
        if (auto* to = first_taker(envelope, decision))
            return deliver_first(*to, std::move(envelope), decision, std::move(settled));
        return store(std::move(envelope), std::move(settled));
    }
    hand_out(envelope, decision, 0, 0);
    settled(im::accepted);
}

Session* User::first_taker(const im::Envelope& envelope, const im::RoutingDecision& decision) const {
    if (!envelope.kept_by_sender || decision.store || decision.deliver.size() != 1 || appending_ > 0) return nullptr;
    auto* to = session(decision.deliver.front());
    return to && to->stream() && to->takes_messages() ? to : nullptr;
}

void User::deliver_first(Session& to, im::Envelope envelope, const im::RoutingDecision& decision, im::Settled settled) {
    shard_.delivered_first.add(origin_key(jid_, envelope.origin), shard_.clock().now());
    name_for_client(envelope);
    shard_.counters.delivered.fetch_add(1, std::memory_order_relaxed);
    if (!decision.copy.empty()) send_received_carbons(*this, envelope, decision.copy);
    to.deliver(envelope, 0, std::move(settled));
}

void User::receive_repetition(im::Envelope envelope, im::Settled settled) {
    for (const auto& session : sessions_)
        if (session->settle_together(envelope.origin, settled)) return;
    // Confirmed long ago; or being written, and then the store answers behind that.
    if (appending_ == 0) return settled(im::accepted);
    store(std::move(envelope), std::move(settled));
}

// XEP-0359. What its sender keeps has the same id also if it comes again after our crash, when it may be nowhere on
// disk.
void User::name_for_client(im::Envelope& envelope) {
    remove_forged(envelope, jid_);
    envelope.stanza_id = envelope.kept_by_sender ? shard_.stanza_id_of(jid_, envelope.origin) : shard_.random().hex(12);
}

void User::store(im::Envelope envelope, im::Settled settled, std::shared_ptr<Session> holder) {
    ++appending_;
    if (usage_) return append(std::move(envelope), std::move(settled), std::move(holder));
    auto go_on = [this, envelope = std::move(envelope), settled = std::move(settled),
                  holder = std::move(holder)](const Error* trouble) mutable {
        if (!trouble) return append(std::move(envelope), std::move(settled), std::move(holder));
        --appending_;
        settled(storage_error(*trouble));
    };
    waiting_for_usage_.push_back(std::move(go_on));
    if (waiting_for_usage_.size() > 1) return;
    shard_.stores().spool().usage(jid_, [&shard = shard_, jid = jid_](Result<storage::SpoolUsage> usage) {
        auto* user = shard.loaded_user(jid);
        if (!user) return;
        if (usage) user->usage_ = *usage;
        const auto trouble = usage ? std::optional<Error>{} : usage.error();
        for (const auto& waiting : std::exchange(user->waiting_for_usage_, {})) waiting(trouble ? &*trouble : nullptr);
    });
}

void User::append(im::Envelope envelope, im::Settled settled, std::shared_ptr<Session> holder) {
    if (!holder && is_full(envelope.unheard)) {
        --appending_;
        shard_.counters.limit_hits.fetch_add(1, std::memory_order_relaxed);
        if (trace::on(shard_)) trace::step(shard_, envelope, "store-full", {{"user", jid_.to_string()}});
        return settled(xmpp::stanza_error("service-unavailable", "the recipient's message store is full"));
    }
    storage::SpooledMessage row;
    row.user = jid_;
    row.from = envelope.stanza->from;
    row.received = shard_.clock().wall();
    row.origin = envelope.origin.empty() ? shard_.random().hex(16) : envelope.origin;
    if (envelope.stanza_id.empty()) name_for_client(envelope);
    std::string id;
    xmpp::write_stanza_id(id, jid_, envelope.stanza_id);
    xmpp::write(row.stanza, *envelope.stanza, {}, nullptr, id);  // a document of its own: the namespace is declared
    ++usage_->messages;
    usage_->bytes += row.stanza.size();
    crash_point("message.received");
    auto committed = [&shard = shard_, user = jid_, bytes = row.stanza.size(), envelope = std::move(envelope),
                      settled = std::move(settled),
                      holder = std::move(holder)](Result<storage::SpoolStore::Appended> appended) mutable {
        auto* now = shard.loaded_user(user);
        if (now && now->appending_ > 0) --now->appending_;
        if (!appended) return settled(storage_error(appended.error()));
        crash_point("message.committed");
        shard.counters.stored.fetch_add(1, std::memory_order_relaxed);
        if (trace::on(shard))
            trace::step(shard, envelope, appended->duplicate ? "repeated" : "stored",
                        {{"row", std::to_string(appended->id)}, {"stanza-id", envelope.stanza_id}});
        settled(im::accepted);
        crash_point("message.acknowledged");
        now = shard.loaded_user(user);  // who is told may have changed that
        if (now && !appended->duplicate) now->appended(envelope, appended->id, bytes, holder.get());
        crash_point("message.delivered");
    };
    shard_.stores().spool().append(std::move(row), std::move(committed));
}

// Who was there when it arrived may have gone, and somebody may have come: decided by those who are there now.
void User::appended(const im::Envelope& envelope, std::int64_t spool_id, std::size_t bytes, Session* holder) {
    if (envelope.unheard) return drop_unheard(spool_id, bytes);  // on disk as long as its sender could notice
    if (!holder) return hand_out(envelope, spool_id, bytes);
    if (session(holder->jid().resource()) != holder) {
        auto anew = envelope;
        anew.to = jid_;
        return hand_out(anew, spool_id, bytes);
    }
    in_flight_[spool_id] = bytes;
    if (!holder->keep_row(envelope.origin, spool_id)) confirmed({spool_id});
}

void User::write_delivered(std::shared_ptr<Session> holder, im::Envelope envelope, im::Settled settled) {
    store(std::move(envelope), std::move(settled), std::move(holder));
}

void User::drop_unheard(std::int64_t spool_id, std::size_t bytes) {
    ++unheard_.messages;
    unheard_.bytes += bytes;
    in_flight_[spool_id] = bytes;
    confirmed({spool_id});
}

im::Recipient User::as_recipient() const {
    im::Recipient recipient;
    recipient.exists = true;
    recipient.resources.reserve(sessions_.size());
    for (const auto& session : sessions_)
        recipient.resources.push_back(
            {session->jid().resource(), session->available(), session->priority, session->carbons});
    return recipient;
}

void User::hand_out(const im::Envelope& envelope, std::int64_t spool_id, std::size_t bytes) {
    hand_out(envelope, im::route(*envelope.stanza, envelope.to, as_recipient()), spool_id, bytes);
}

void User::hand_out(const im::Envelope& envelope, const im::RoutingDecision& decision, std::int64_t spool_id,
                    std::size_t bytes) {
    const bool waits = spool_id != 0 && must_wait(decision);
    if (trace::on(shard_) && spool_id != 0 && (waits || decision.deliver.empty()))
        trace::step(shard_, envelope, waits ? "waits-for-client" : "waits-for-user", {{"user", jid_.to_string()}});
    for (const auto& resource : decision.deliver)
        if (auto* to = session(resource)) {
            if (waits) {
                to->leave_on_disk(spool_id);
                continue;
            }
            if (spool_id != 0) in_flight_[spool_id] = bytes;
            to->deliver(envelope, spool_id);
        }
    if (decision.deliver.empty()) return;
    if (!waits) shard_.counters.delivered.fetch_add(1, std::memory_order_relaxed);
    if (!decision.copy.empty()) send_received_carbons(*this, envelope, decision.copy);
}

bool User::must_wait(const im::RoutingDecision& decision) const {
    if (decision.deliver.empty()) return false;
    return std::none_of(decision.deliver.begin(), decision.deliver.end(), [this](const std::string& resource) {
        const auto* to = session(resource);
        return !to || to->takes_messages();
    });
}

void User::confirmed(std::vector<std::int64_t> spool_ids) {
    for (const auto id : spool_ids) {
        const auto row = in_flight_.find(id);
        if (row == in_flight_.end()) continue;
        if (usage_) {
            usage_->messages -= std::min<std::size_t>(usage_->messages, 1);
            usage_->bytes -= std::min(usage_->bytes, row->second);
        }
        in_flight_.erase(row);
    }
    shard_.stores().spool().remove(jid_, std::move(spool_ids), [](Result<>) {
        // A row that stays is delivered once more with the same stanza-id: no loss.
    });
}

void User::route_anew(Queue<UnackedQueue::Sent> unconfirmed) {
    for (auto& sent : unconfirmed) {
        const auto& stanza = *sent.envelope.stanza;
        if (sent.settled) {
            sent.envelope.to = jid_;
            route(std::move(sent.envelope), std::move(sent.settled));
        } else if (sent.spool_id != 0) {
            const auto row = in_flight_.extract(sent.spool_id);
            sent.envelope.to = jid_;                                         // the resource it went to is gone
            hand_out(sent.envelope, sent.spool_id, row ? row.mapped() : 0);  // nobody there: it stays in the spool
        } else if (sent.being_written) {
            // It will be handed out once it is.
        } else if (stanza.kind == Stanza::Kind::message) {
            sent.envelope.to = jid_;
            receive_message(std::move(sent.envelope), [](im::Outcome) {});
        } else if (stanza.is_request() && !stanza.from.empty()) {
            shard_.send(stanza.error(xmpp::stanza_error("service-unavailable")));
        }
    }
}

// XEP-0160 and RFC 6121 8.5.2.2.1: to the first resource that becomes available with a priority that is not negative.
void User::flush_offline(Session& session) {
    if (usage_ && usage_->messages == 0) return;
    session.await_stored();
}

bool User::take_row(const storage::SpooledMessage& row) {
    return in_flight_.emplace(row.id, row.stanza.size()).second;
}

// --- presence and IQ
// -----------------------------------------------------------------------------------------------------

void User::receive_iq(const im::Envelope& envelope) {
    last_used = shard_.clock().now();
    const auto& stanza = *envelope.stanza;
    if (envelope.to.is_bare()) {  // RFC 6121 8.5.2.1.3: we answer for the user
        if (stanza.is_request()) answer_for_user(shard_, *this, stanza);
        return;
    }
    const bool unheard = blocks(stanza.from);
    if (auto* to = session(envelope.to.resource()); to && !unheard) return to->deliver(envelope);
    if (stanza.is_request()) shard_.send(stanza.error(xmpp::stanza_error("service-unavailable")));
}

}  // namespace parley::server
