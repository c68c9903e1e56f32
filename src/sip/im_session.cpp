#include "sip/im_session.hpp"

#include <algorithm>

#include "sip/limits.hpp"

namespace parley::sip {
namespace {

using Why = SessionEnd::Why;

constexpr Millis trying_after{200};        // RFC 3261 17.2.1
constexpr Millis parting_patience{4'000};  // for the answer to the last MESSAGE of a session that is closed: T2

}  // namespace

ImSession ImSession::calling(Seconds idle, SteadyTime now) {
    ImSession session;
    session.idle_ = idle;
    session.give_up_at_ = now + timer::proceeding;  // communicators wait for their user, so no shorter than timer C
    return session;
}

ImSession ImSession::ringing(Seconds idle, SteadyTime now) {
    ImSession session;
    session.state_ = State::ringing;
    session.idle_ = idle;
    session.trying_at_ = now + trying_after;
    return session;
}

ImSession ImSession::restored(Seconds idle, SteadyTime now) {
    ImSession session;
    session.state_ = State::open;
    session.idle_ = idle;
    session.touch(now);
    return session;
}

ImSession::Step ImSession::finish(SessionEnd end) {
    Step step;
    if (state_ == State::ended) return step;
    state_ = State::ended;
    if (in_flight_) end.uncertain.push_back(in_flight_->id);
    for (const auto& text : waiting_) end.unsent.push_back(text.id);
    in_flight_.reset();
    waiting_.clear();
    give_up_at_.reset();
    resend_at_.reset();
    idle_at_.reset();
    trying_at_.reset();
    step.ended = std::move(end);
    return step;
}

ImSession::Step ImSession::on_invite_answer(Reply reply, SteadyTime now) {
    Step step;
    const int status = reply.status;
    if (status < 200) {
        if (state_ != State::calling) return step;
        heard_ = true;
        if (closing_ && !cancelled_) {  // 9.1: a CANCEL waits for the first provisional response
            cancelled_ = step.cancel = true;
            give_up_at_ = now + timer::transaction;
        }
        return step;
    }
    if (status < 300) {
        if (state_ == State::ended) {  // crossed our CANCEL
            step.ack = step.bye = true;
            return step;
        }
        if (state_ == State::parting) {
            step.ack = true;
            return step;
        }
        const bool again = state_ == State::open;
        if (closing_) {
            step = finish({why_.value_or(Why::closed)});
            step.ack = step.bye = true;
            return step;
        }
        state_ = State::open;
        give_up_at_.reset();
        touch(now);
        step.ack = true;
        step.opened = !again;
        return step;
    }
    if (state_ != State::calling) return step;
    const auto why = why_ && *why_ != Why::refused ? *why_ : Why::refused;
    const bool gave_up = why == Why::refused && closing_;
    return finish({why, gave_up ? 408 : status, gave_up || reply.local, reply.sent, reply.retry_after,
                   std::move(reply.diagnostics)});
}

void ImSession::on_accepted(SteadyTime now) {
    state_ = State::accepted;
    trying_at_.reset();
    resend_delay_ = timer::t1;
    resend_at_ = now + resend_delay_;
    give_up_at_ = now + timer::transaction;
}

ImSession::Step ImSession::on_rejected(int status) {
    return finish({Why::closed, status});
}

ImSession::Step ImSession::on_ack(SteadyTime now) {
    Step step;
    if (state_ != State::accepted) return step;
    if (closing_) {  // a callee may not send BYE before the ACK (15)
        step = finish({why_.value_or(Why::closed)});
        step.bye = true;
        return step;
    }
    state_ = State::open;
    resend_at_.reset();
    give_up_at_.reset();
    touch(now);
    step.opened = true;
    return step;
}

ImSession::Step ImSession::on_cancel() {
    if (state_ != State::ringing) return {};
    return finish({Why::cancelled, 487});
}

// Nothing more is sent, but what the peer says of the MESSAGE that crossed its BYE, or ours, still counts.
void ImSession::part(Why why, SteadyTime now) {
    state_ = State::parting;
    closing_ = true;
    why_ = why;
    idle_at_.reset();
    give_up_at_ = now + parting_patience;
}

ImSession::Step ImSession::on_bye(SteadyTime now) {
    if (state_ == State::parting) return {};
    if (!in_flight_) return finish({Why::bye});
    part(Why::bye, now);
    return {};
}

ImSession::Step ImSession::close(SteadyTime now, Why why) {
    Step step;
    if (closing_ || state_ == State::ended) return step;
    switch (state_) {
        case State::calling:
            closing_ = true;
            why_ = why;
            give_up_at_ = now + timer::transaction;
            cancelled_ = step.cancel = heard_;
            return step;
        case State::accepted:
            closing_ = true;
            why_ = why;
            return step;
        case State::open:
            if (in_flight_)
                part(why, now);
            else
                step = finish({why});
            step.bye = true;
            return step;
        case State::ringing:
        case State::parting:
        case State::ended: break;
    }
    return finish({why});
}

void ImSession::touch(SteadyTime now) {
    if (state_ == State::open) idle_at_ = now + idle_;
}

bool ImSession::queue(Text text) {
    if (state_ == State::ended || closing_ || waiting_.size() >= limit::queued_messages) return false;
    waiting_.push_back(std::move(text));
    return true;
}

bool ImSession::withdraw(MessageId id) {
    return std::erase_if(waiting_, [id](const Text& text) { return text.id == id; }) > 0;
}

std::optional<ImSession::Text> ImSession::take() {
    if (state_ != State::open || in_flight_ || waiting_.empty()) return {};
    in_flight_ = std::move(waiting_.front());
    waiting_.pop_front();
    return in_flight_;
}

ImSession::MessageResult ImSession::on_message_answer(const Reply& reply, SteadyTime now) {
    MessageResult result;
    if (!in_flight_) return result;
    touch(now);
    const bool parting = state_ == State::parting;
    const int status = reply.status;
    const bool gone = status == 408 || status == 480 || status == 481 || (parting && (status == 487 || reply.local));
    SessionEnd end{parting ? *why_ : Why::dangling, status, reply.local, true, {}, reply.diagnostics};
    if (!gone) {
        result.done = in_flight_->id;
        in_flight_.reset();
        if (parting) result.step = finish({*why_});
        return result;
    }
    if (!reply.local) {  // refused: it was not taken
        end.unsent.push_back(in_flight_->id);
        in_flight_.reset();
    }
    result.step = finish(std::move(end));
    result.step.bye = !parting;
    return result;
}

ImSession::Step ImSession::on_time(SteadyTime now) {
    Step step;
    if (trying_at_ && *trying_at_ <= now) {
        trying_at_.reset();
        step.trying = true;
    }
    if (give_up_at_ && *give_up_at_ <= now) {
        give_up_at_.reset();
        if (state_ == State::accepted) {  // 13.3.1.4
            step = finish({Why::no_ack, 408, true});
            step.bye = true;
        } else if (!closing_) {  // nobody has accepted our INVITE
            closing_ = true;
            why_ = Why::refused;
            cancelled_ = step.cancel = heard_;
            give_up_at_ = now + timer::transaction;
        } else {
            const bool refused = *why_ == Why::refused;
            step = finish({*why_, refused ? 408 : 0, refused});
        }
        return step;
    }
    if (resend_at_ && *resend_at_ <= now) {
        resend_delay_ = std::min(resend_delay_ * 2, timer::t2);
        resend_at_ = now + resend_delay_;
        step.resend_ok = true;
    }
    if (idle_at_ && *idle_at_ <= now) {
        if (in_flight_ || !waiting_.empty())
            touch(now);
        else
            return close(now, Why::idle);
    }
    return step;
}

std::optional<SteadyTime> ImSession::next_deadline() const {
    std::optional<SteadyTime> next;
    for (const auto& when : {give_up_at_, resend_at_, idle_at_, trying_at_})
        if (when && (!next || *when < *next)) next = when;
    return next;
}

}  // namespace parley::sip
