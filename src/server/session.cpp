#include "server/session.hpp"

#include "im/partner_presence.hpp"
#include "server/c2s_stream.hpp"
#include "server/shard.hpp"
#include "server/trace_points.hpp"
#include "server/user.hpp"
#include "xmpp/ns.hpp"

namespace parley::server {

namespace {

// Messages gather behind one ping, which costs nearly as much as a message. Until it is answered they stay with their
// sender, or in the spool, which costs nobody anything.
constexpr Millis barrier_delay{250};
constexpr std::size_t barrier_at_once = 32;

// What is delivered first is not written if the client confirms it so soon: the usual case of one that is there.
constexpr Millis written_after{600};

}  // namespace

Session::Session(Shard& shard, User& user, xmpp::Jid jid) : shard_(shard), user_(user), jid_(std::move(jid)) {}

void Session::deliver(const im::Envelope& envelope, std::int64_t spool_id, im::Settled settled) {
    const auto& sent = *envelope.stanza;
    const bool is_presence = sent.kind == xmpp::Stanza::Kind::presence;
    if (auto own = is_presence ? im::for_client(sent, native, shard_.is_local(sent.from.domain())) : nullptr) {
        auto changed = envelope;
        changed.stanza = std::move(own);
        return deliver(changed, spool_id);
    }
    if (trace::on(shard_))
        trace::stanza(shard_, trace::Way::to_user, sent, jid_, envelope.origin,
                      {{"stanza-id", envelope.stanza_id}, {"waits", stream_ ? "" : "for its stream to be resumed"}});
    const std::size_t bytes = stream_ ? stream_->write(envelope) : 0;
    const bool waits = static_cast<bool>(settled);
    if (waits) want_write(written_after);
    const auto now = waits ? shard_.clock().now() : SteadyTime{};
    if (managed_) {
        outbound_.push({envelope, spool_id, std::move(settled), now}, bytes == 0 ? 512 : bytes);
        const auto& limits = shard_.settings().limits;
        if (outbound_.size() > 2 * limits.unacked_stanzas || outbound_.bytes() > 2 * limits.unacked_bytes) {
            // A client that confirms nothing, and gets what is not kept on disk: it starts anew.
            shard_.counters.limit_hits.fetch_add(1, std::memory_order_relaxed);
            shard_.end_later(*this, "policy-violation", "too many stanzas wait for your acknowledgement");
            return;
        }
        request_ack();
    } else if (spool_id != 0 || waits) {
        unproven_.push_back({envelope, spool_id, std::move(settled), now});
        want_barrier();
    }
}

std::string Session::enable_management(bool resume) {
    managed_ = true;
    managed_from_ = inbound_.received();
    if (resume) resume_id_ = shard_.random().hex(16);
    return resume_id_;
}

void Session::settle_inbound(std::uint32_t number) {
    inbound_.settle(number);
    if (const auto h = inbound_.due(); h && stream_) stream_->send_ack(*h - managed_from_);
    if (when_settled_.empty() || !inbound_.settled_all()) return;
    for (const auto& then : std::exchange(when_settled_, {})) then();
}

void Session::on_ack_request() {
    inbound_.request();
    if (const auto h = inbound_.due(); h && stream_) stream_->send_ack(*h - managed_from_);
}

bool Session::on_ack(std::uint32_t h) {
    ack_requested_ = false;
    auto covered = outbound_.acknowledge(h);
    if (!covered) return false;
    confirm(*std::move(covered));
    if (outbound_.size() > 0) request_ack();
    catch_up();
    return true;
}

// One request at a time: under load one answer covers many stanzas.
void Session::request_ack() {
    if (ack_requested_ || !stream_) return;
    ack_requested_ = true;
    stream_->request_ack();
}

void Session::on_goodbye() {
    goodbye_ = true;
    if (managed_ && stream_ && inbound_.told() != inbound_.settled()) stream_->send_ack(tell_handled());
}

void Session::when_settled(Function<void()> then) {
    if (inbound_.settled_all())
        then();
    else
        when_settled_.push_back(std::move(then));
}

void Session::resend_unacked() {
    for (const auto& sent : outbound_.waiting()) stream_->write(sent.envelope);
    ack_requested_ = false;
    if (outbound_.size() > 0) request_ack();
}

// A client without stream management confirms nothing, and a written socket proves nothing: a ping behind the message
// does, because a stream is answered in order.
void Session::want_barrier() {
    if (covered_by_barrier_ > 0 || unproven_.empty()) return;
    if (unproven_.size() >= barrier_at_once) return send_barrier();
    if (barrier_timer_.pending()) return;
    barrier_timer_ = shard_.executor().after(barrier_delay, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        self->barrier_timer_ = {};
        self->send_barrier();
    });
}

void Session::send_barrier() {
    if (covered_by_barrier_ > 0 || unproven_.empty() || !stream_) return;
    covered_by_barrier_ = unproven_.size();
    xmpp::Stanza ping;
    ping.kind = xmpp::Stanza::Kind::iq;
    ping.type = "get";
    ping.id = "barrier-" + std::to_string(++barrier_number_);
    ping.from = jid_.domain_jid();
    ping.to = jid_;
    ping.add(xml::Element(xmpp::ns::ping, "ping"));
    stream_->write(im::envelope(std::move(ping)));
}

bool Session::on_barrier_answer(std::string_view id) {
    if (covered_by_barrier_ == 0 || id != "barrier-" + std::to_string(barrier_number_)) return false;
    const auto end = unproven_.begin() + static_cast<std::ptrdiff_t>(std::exchange(covered_by_barrier_, 0));
    std::vector<UnackedQueue::Sent> covered(std::make_move_iterator(unproven_.begin()), std::make_move_iterator(end));
    unproven_.erase(unproven_.begin(), end);
    confirm(std::move(covered));
    want_barrier();
    catch_up();
    return true;
}

void Session::confirm(std::vector<UnackedQueue::Sent> covered) {
    std::vector<std::int64_t> ids;
    for (auto& sent : covered) {
        if (trace::on(shard_) && sent.envelope.stanza->kind == xmpp::Stanza::Kind::message)
            trace::step(shard_, *sent.envelope.stanza, jid_, sent.envelope.origin, "confirmed-by-client",
                        {{"client", jid_.to_string()}});
        if (sent.settled) sent.settled(im::accepted);
        if (sent.spool_id != 0) ids.push_back(sent.spool_id);
    }
    if (!ids.empty()) user_.confirmed(std::move(ids));
}

// --- delivered first, written if need be
// ---------------------------------------------------------------------------------------------------------

void Session::want_write(Millis from_now) {
    if (write_timer_.pending()) return;
    write_timer_ = shard_.executor().after(from_now, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->write_what_waits();
    });
}

void Session::write_what_waits() {
    write_timer_ = {};
    const auto now = shard_.clock().now();
    std::vector<UnackedQueue::Sent> late;
    for (auto* queue : {&outbound_.waiting(), &unproven_})
        for (auto& sent : *queue) {
            if (!sent.settled) continue;
            if (const auto due = sent.since + written_after; due > now) {
                want_write(std::chrono::ceil<Millis>(due - now));
                break;
            }
            late.push_back({sent.envelope, 0, std::move(sent.settled)});
            sent.being_written = true;
        }
    for (auto& sent : late)
        user_.write_delivered(shared_from_this(), std::move(sent.envelope), std::move(sent.settled));
}

UnackedQueue::Sent* Session::find_sent(std::string_view origin) {
    for (auto* queue : {&outbound_.waiting(), &unproven_})
        for (auto& sent : *queue)
            if ((sent.settled || sent.being_written) && sent.envelope.origin == origin) return &sent;
    return nullptr;
}

bool Session::settle_together(std::string_view origin, im::Settled& settled) {
    auto* sent = find_sent(origin);
    if (!sent || !sent->settled) return false;
    sent->settled = [first = std::move(sent->settled), second = std::move(settled)](const im::Outcome& outcome) {
        first(outcome);
        second(outcome);
    };
    return true;
}

bool Session::keep_row(std::string_view origin, std::int64_t spool_id) {
    auto* sent = find_sent(origin);
    if (!sent) return false;
    sent->spool_id = spool_id;
    sent->being_written = false;
    return true;
}

void Session::attach(C2sStream& stream) {
    stream_ = &stream;
}

Queue<UnackedQueue::Sent> Session::take_unconfirmed() {
    auto all = outbound_.take_all();
    for (auto& sent : unproven_) all.push_back(std::move(sent));
    unproven_.clear();
    covered_by_barrier_ = 0;
    return all;
}

}  // namespace parley::server
