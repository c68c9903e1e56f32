#include "server/s2s/in_stream.hpp"
#include "server/s2s/link.hpp"
#include "server/shard.hpp"
#include "server/trace_points.hpp"
#include "xmpp/ns.hpp"

// The carrier: what is written to it, and what proves that it has arrived.

namespace parley::server {
namespace {

constexpr Millis barrier_delay{50};
constexpr std::size_t barrier_at_once = 64;
constexpr std::size_t most_unproven = 10'000;  // written, and no answer to the ping behind them
constexpr std::size_t most_unproven_bytes = std::size_t{4} * 1024 * 1024;
constexpr Millis one_use{8'000};         // a carrier that has lived so long was of use
constexpr Millis time_to_return{5'000};  // for the partner to resume a stream of its own; then we open one

bool wants_proof(const im::Envelope& envelope) {
    return envelope.stanza->kind == xmpp::Stanza::Kind::message;
}

}  // namespace

// From now on everything goes by this one, until it ends: two at once would mix up the order.
void Link::use(XmlStream* carrier) {
    carrier_ = carrier;
    retry_timer_.cancel();
    ready_since_ = shard_.clock().now();
    proved_ = asked_ = unheard_ = false;
    behind_ping_ = 0;
    release_ = Release::unknown;
    return_timer_.cancel();
}

void Link::offer(std::shared_ptr<InStream> stream) {
    // What broke comes first; and a carrier is changed only when it has ended.
    if (stream->closing() || shutting_down_) return;
    if (carrier_ || may_resume()) return void(spare_ = stream);
    forget_resumption();
    borrowed_ = std::move(stream);
    use(borrowed_.get());
    borrowed_->carry_for(this);
    sent_ = acknowledged_ = borrowed_->sent_before();
    managed_ = borrowed_->managed();
    keeping_ = managed_ && borrowed_->resumable();
    last_error_.clear();
    ask_release();
    flush();
}

void Link::offer_again(std::shared_ptr<InStream> stream, std::optional<std::uint32_t> handled) {
    if (!return_timer_.pending() || !handled) return offer(std::move(stream));
    borrowed_ = std::move(stream);
    use(borrowed_.get());
    borrowed_->carry_for(this);
    go_on_from(*handled);
}

void Link::on_carrier_ended(InStream& stream, bool may_return) {
    if (borrowed_.get() != &stream) return;
    carrier_gone(may_return && keeping_);
    if (may_return && keeping_) {
        return_timer_ = shard_.executor().after(time_to_return, [this] {
            return_timer_.cancel();
            forget_resumption();
            if (wanted()) go_on_without_it();
        });
        return;
    }
    if (wanted()) go_on_without_it();
}

// What was written and not proven goes again, in its old order: the peer may see a message twice, with the same name.
// If the stream may be resumed, everything is kept under its number until that is decided.
void Link::carrier_gone(bool may_return) {
    while (!unproven_.empty()) {
        queue_.push_front(std::move(unproven_.back()));
        unproven_.pop_back();
        queued_bytes_ += queue_.front().bytes;
    }
    unproven_bytes_ = 0;
    down_since_ = shard_.clock().now();
    if (proved_ || down_since_ - ready_since_ >= one_use) failed_attempts_ = 0;
    carrier_ = nullptr;
    if (borrowed_) std::exchange(borrowed_, nullptr)->carry_for(nullptr);
    proof_timer_.cancel();
    barrier_timer_.cancel();
    release_timer_.cancel();
    release_ = Release::unknown;
    asked_ = unheard_ = false;
    if (!may_return) keep_nothing();
}

void Link::go_on_without_it() {
    if (carrier_) return connect();  // for a question
    check_deadlines();
    if (!may_resume())
        if (const auto spare = std::exchange(spare_, {}).lock(); spare && !spare->closing()) return offer(spare);
    if (!stream_) return connect();
    if (!stream_->ready()) return stream_->want_stanzas();
    if (stream_->ending()) return;  // the next one comes when it has gone
    use(stream_.get());
    sent_ = acknowledged_ = 0;
    managed_ = stream_->offers_management() && !unmanaged_;
    keeping_ = managed_ && !resume_id_.empty();
    ask_release();
    flush();
}

void Link::heard() {
    active_ = true;
    unheard_ = false;
}

void Link::on_drained() {
    if (carrier_ == stream_.get()) flush();
}

void Link::flush() {
    while (!queue_.empty() && can_write()) {
        auto waiting = std::move(queue_.front());
        queue_.pop_front();
        queued_bytes_ -= waiting.bytes;
        write(std::move(waiting));
    }
}

// A peer that does not read, or does not answer our pings, gets no more for now: the rest waits in the queue.
bool Link::can_write() const {
    return carrier_ && !carrier_->closing() && !resuming_ && release_ != Release::asked && !carrier_->congested() &&
           unproven_.size() < most_unproven && unproven_bytes_ < most_unproven_bytes;
}

bool Link::takes_names() const {
    return borrowed_ ? borrowed_->takes_names() : stream_->takes_names();
}

void Link::write(Waiting waiting) {
    const bool message = wants_proof(waiting.envelope);
    std::string name;
    if (message && takes_names()) {
        if (waiting.name.empty()) waiting.name = name_for(waiting.envelope);
        name = "<name xmlns='urn:parley:federation:0' id='" + waiting.name + "'/>";
    }
    auto& text = shard_.scratch();
    text.clear();
    xmpp::write(text, *waiting.envelope.stanza, xmpp::ns::server, &waiting.envelope.to, name);
    if (trace::on(shard_))
        trace::stanza(shard_, trace::Way::to_partner, *waiting.envelope.stanza, waiting.envelope.to,
                      waiting.envelope.origin, {{"name", waiting.name}});
    carrier_->send(text);
    waiting.number = ++sent_;
    if (!std::exchange(unheard_, true)) unheard_since_ = shard_.clock().now();
    if (!message) {
        if (auto written = std::exchange(waiting.settled, {})) written(im::accepted);
        if (!keeping_) return;
    }
    unproven_bytes_ += waiting.bytes;
    unproven_.push_back(std::move(waiting));
    want_barrier();
}

// What the outbox keeps has the same name after a restart, and no other message ever has it. The rest lives only as
// long as we do.
std::string Link::name_for(const im::Envelope& message) {
    if (message.outbox_id == 0) return run_ + '.' + std::to_string(++named_);
    return store_ + '-' + std::to_string(message.outbox_id);
}

// One ping for what gathers in a short while: nobody waits for the proof, it only empties our outbox.
void Link::want_barrier() {
    if (asked_ || unproven_.empty()) return;
    if (unproven_.size() >= barrier_at_once) return barrier();
    if (!barrier_timer_.pending())
        barrier_timer_ = shard_.executor().after(barrier_delay, [this] {
            barrier_timer_ = {};
            barrier();
        });
}

// A written socket proves nothing: <r/> of XEP-0198 where the peer knows it; else a ping behind the messages, which is
// answered only once they have been read.
void Link::barrier() {
    if (asked_ || !connected() || carrier_->closing() || resuming_) return;
    asked_ = true;
    by_ping_ = !managed_;
    behind_ping_ = unproven_.size();
    if (managed_) {
        carrier_->send("<r xmlns='urn:xmpp:sm:3'/>");
    } else {
        carrier_->send(ask_for("proof-" + std::to_string(++ping_number_), xml::Element(xmpp::ns::ping, "ping")));
        ++sent_;
    }
    proof_timer_ = shard_.executor().after(shard_.settings().limits.s2s_answer, [this] {
        proof_timer_.cancel();
        if (asked_ && carrier_) on_silence();
    });
}

// Half-open: a stream that may be resumed is left without a word, so that a partner that does hear us keeps it.
void Link::on_silence() {
    last_error_ = remote_ + " has stopped answering";
    if (borrowed_) return borrowed_->give_up();
    if (!resume_id_.empty()) return stream_->give_up();
    stream_->close("connection-timeout");
}

void Link::on_answer(const xmpp::Stanza& answer) {
    if (!on_proof(answer.id) && release_ == Release::asked && answer.id == "release") on_release(answer);
}

bool Link::on_proof(std::string_view id) {
    if (!asked_ || !by_ping_ || id != "proof-" + std::to_string(ping_number_)) return false;
    proven(behind_ping_);
    return true;
}

// The oldest so many have arrived.
void Link::proven(std::size_t count) {
    proof_timer_.cancel();
    asked_ = unheard_ = false;
    proved_ = true;
    behind_ping_ = 0;
    for (; count > 0; --count) {
        auto done = std::move(unproven_.front());
        unproven_.pop_front();
        unproven_bytes_ -= done.bytes;
        if (trace::on(shard_))
            trace::step(shard_, done.envelope, "confirmed-by-partner", {{"by", managed_ ? "XEP-0198" : "a ping"}});
        if (done.settled) done.settled(im::accepted);
    }
    want_barrier();
    flush();
}

}  // namespace parley::server
