#include <algorithm>

#include "base/text.hpp"
#include "server/s2s/in_stream.hpp"
#include "server/s2s/link.hpp"
#include "server/s2s/xmpp_federation.hpp"
#include "server/shard.hpp"
#include "xml/writer.hpp"
#include "xmpp/ns.hpp"

// Stream management (XEP-0198): what it says of the carrier, and how a stream of ours that broke is resumed.

namespace parley::server {
namespace {

constexpr std::size_t longest_id = 4000;  // of a stream to resume (XEP-0198 5)

}  // namespace

// Our stream is ready: it goes on where the last one broke, or it is counted from its beginning.
void Link::start_management() {
    resuming_ = false;
    const bool resume = may_resume() && stream_->offers_management();
    if (!resume) forget_resumption();
    if (stream_->both_ways() && !(resume && intake_)) {
        Intake::Stream& here = *this;
        intake_ = std::make_shared<Intake>(federation_, shard_, shard_.random().hex(16), here);
        intake_->add_pair(local_, remote_, Intake::By::certificate);
        if (resume) intake_->manage();  // there was nothing to count before
    }
    if (!resume) {
        arrived_ = 0;
        return enable();
    }
    resuming_ = true;
    proof_timer_ = shard_.executor().after(shard_.settings().limits.s2s_answer, [this] {
        proof_timer_.cancel();
        if (!resuming_ || !stream_) return;
        last_error_ = remote_ + " does not say whether the stream goes on";
        end_stream("connection-timeout", {});
    });
    std::string out = "<resume xmlns='urn:xmpp:sm:3'";
    xml::write_attribute(out, "previd", resume_id_);
    if (!intake_) return stream_->send(out + "/>");
    intake_->attach(*this);
    // `h` is final: what has come and is not settled yet must be neither confirmed nor sent again.
    intake_->when_settled([this, alive = std::weak_ptr(alive_), out, attempt = ++resume_attempts_] {
        if (!alive.expired() && resuming_ && attempt == resume_attempts_)
            stream_->send(out + " h='" + std::to_string(intake_->handled()) + "'/>");
    });
}

void Link::enable() {
    unmanaged_ = false;
    if (carrier_ && carrier_ != stream_.get()) {
        if (stream_->offers_management()) stream_->send("<enable xmlns='urn:xmpp:sm:3'/>");
        return;
    }
    managed_ = stream_->offers_management();
    keeping_ = managed_ && stream_->proof() == "SASL EXTERNAL" && shard_.settings().limits.s2s_resume > Millis{0};
    sent_ = acknowledged_ = 0;
    if (managed_)
        stream_->send(keeping_ ? "<enable xmlns='urn:xmpp:sm:3' resume='true'/>" : "<enable xmlns='urn:xmpp:sm:3'/>");
}

bool Link::may_resume() const {
    return !resume_id_.empty() && resume_until_ != SteadyTime{} && shard_.clock().now() < resume_until_;
}

// Of our own stream.
void Link::on_management(const xml::Element& element) {
    const bool is_carrier = carrier_ == stream_.get();
    const auto& name = element.name();
    if (name == "r") {
        if (intake_) return intake_->on_request();
        stream_->send("<a xmlns='urn:xmpp:sm:3' h='" + std::to_string(arrived_) + "'/>");
    } else if (name == "a") {
        if (is_carrier && managed_) on_acknowledged(element);
    } else if (name == "enabled") {
        on_enabled(element);
    } else if (name == "resumed" && resuming_) {
        on_resumed(element);
    } else if (name == "failed" && resuming_) {
        forget_resumption();
        if (intake_) std::exchange(intake_, nullptr)->detach();
        start_management();
        if (is_carrier) ask_release();
        flush();
    } else if (name == "failed" && !is_carrier) {
        unmanaged_ = true;
    } else if (name == "failed" && managed_) {
        managed_ = asked_ = false;
        unmanaged_ = true;
        keep_nothing();
        want_barrier();
    }
}

void Link::on_enabled(const xml::Element& element) {
    if (intake_ && !intake_->managed()) intake_->manage();
    if (carrier_ != stream_.get() || !keeping_) return;
    const auto resumes = element.attribute("resume");
    const auto id = element.attribute("id");
    if ((resumes == "true" || resumes == "1") && !id.empty() && id.size() <= longest_id) {
        resume_id_ = id;
        resume_until_ = {};
    } else {
        keep_nothing();
    }
}

void Link::on_acknowledged(const xml::Element& element) {
    const auto h = parse_number<std::uint32_t>(element.attribute("h"));
    if (!h || *h - acknowledged_ > sent_ - acknowledged_) {
        last_error_ = remote_ + " confirms what was never sent";
        resume_id_.clear();
        return carrier_->close("undefined-condition", "h is more than was sent");
    }
    acknowledged_ = *h;
    std::size_t count = 0;
    while (count < unproven_.size() && static_cast<std::int32_t>(*h - unproven_[count].number) >= 0) ++count;
    proven(count);
}

// The partner's stream: what was sent before is proven by what comes after it, and counts for nothing.
void Link::counted_from_here() {
    managed_ = true;
    keeping_ = borrowed_->resumable();
    sent_ = acknowledged_ = 0;
    for (auto& waiting : unproven_) waiting.number = 0;
}

void Link::on_resumed(const xml::Element& element) {
    const auto h = parse_number<std::uint32_t>(element.attribute("h"));
    resuming_ = false;
    resume_until_ = {};
    proof_timer_.cancel();
    if (element.attribute("previd") != resume_id_ || !h) {
        last_error_ = remote_ + " resumes another stream";
        return end_stream("undefined-condition", "this is not what was asked for");
    }
    go_on_from(*h);
}

// Of what waits under its number the first have arrived, and the rest is sent again.
void Link::go_on_from(std::uint32_t handled) {
    if (handled - acknowledged_ > sent_ - acknowledged_) {
        last_error_ = remote_ + " confirms what was never sent";
        resume_id_.clear();
        keep_nothing();
        return carrier_->close("undefined-condition", "h is more than was sent");
    }
    managed_ = keeping_ = true;
    acknowledged_ = handled;
    // What stands before one that has arrived was sent before it, also what went before anything was counted.
    std::size_t arrived = 0;
    for (std::size_t i = 0; i < queue_.size(); ++i)
        if (queue_[i].number != 0 && static_cast<std::int32_t>(handled - queue_[i].number) >= 0) arrived = i + 1;
    for (; arrived > 0; --arrived) {
        auto done = std::move(queue_.front());
        queue_.pop_front();
        queued_bytes_ -= done.bytes;
        proved_ = true;
        if (done.settled) done.settled(im::accepted);
    }
    // Numbered anew when it is written: what was asked of the server itself is not sent again, and has left gaps.
    sent_ = handled;
    for (auto& waiting : queue_) waiting.number = 0;
    flush();
}

// No stream will be resumed: messages wait as if they had never been sent, and the rest is of no more use.
void Link::keep_nothing() {
    keeping_ = false;
    const auto drop = [](Queue<Waiting>& from, std::size_t& bytes) {
        const auto gone = std::remove_if(from.begin(), from.end(), [&bytes](const Waiting& waiting) {
            if (waiting.settled) return false;
            bytes -= waiting.bytes;
            return true;
        });
        from.erase(gone, from.end());
    };
    drop(queue_, queued_bytes_);
    drop(unproven_, unproven_bytes_);
    behind_ping_ = std::min(behind_ping_, unproven_.size());
    for (auto& waiting : queue_) waiting.number = 0;
}

void Link::forget_resumption() {
    resume_id_.clear();
    resume_until_ = {};
    if (std::exchange(resuming_, false)) proof_timer_.cancel();
    return_timer_.cancel();
    if (!carrier_ || carrier_ == stream_.get()) keep_nothing();
}

}  // namespace parley::server
