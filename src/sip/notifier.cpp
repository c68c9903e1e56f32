#include "sip/notifier.hpp"

#include <algorithm>

namespace parley::sip {
namespace {

constexpr Seconds first_back_off{5};
constexpr Seconds longest_back_off{300};

}  // namespace

void Notifier::on_subscribe(Seconds granted, SteadyTime now) {
    if (state_ == State::terminated) return;
    expires_at_ = now + granted;
    if (granted == Seconds{0}) return end("timeout");
    waiting_ = true;
}

void Notifier::set(State state, SharedBody body) {
    if (state_ == State::terminated) return;
    if (state == State::terminated) return end("deactivated");
    waiting_ = waiting_ || !known_ || state != state_ || !(body == body_);
    known_ = true;
    state_ = state;
    body_ = std::move(body);
}

void Notifier::end(std::string reason, std::optional<Seconds> retry_after) {
    if (state_ == State::terminated) return;
    state_ = State::terminated;
    known_ = true;
    reason_ = std::move(reason);
    retry_after_ = retry_after;
    waiting_ = true;
    not_before_.reset();
}

std::optional<Notifier::Notify> Notifier::take(SteadyTime now) {
    if (!waiting_ || !known_ || in_flight_ || (not_before_ && *not_before_ > now)) return {};
    waiting_ = false;
    in_flight_ = true;
    not_before_.reset();
    Notify notify;
    notify.body = body_;
    switch (state_) {
        case State::pending: notify.state.value = SubscriptionState::Value::pending; break;
        case State::active: notify.state.value = SubscriptionState::Value::active; break;
        case State::terminated:
            notify.state.value = SubscriptionState::Value::terminated;
            notify.state.reason = reason_;
            notify.state.retry_after = retry_after_;
            return notify;
    }
    notify.state.expires = std::max(Seconds{0}, std::chrono::duration_cast<Seconds>(expires_at_ - now));
    return notify;
}

void Notifier::on_answer(int status, bool local, std::optional<Seconds> retry_after, SteadyTime now) {
    in_flight_ = false;
    if (status >= 200 && status < 300) {
        back_off_ = Seconds{0};
        return;
    }
    const bool unreachable = local && status != 408;
    if (state_ != State::terminated && (unreachable || (!local && retry_after))) {
        if (unreachable) back_off_ = std::clamp(back_off_ * 2, first_back_off, longest_back_off);
        not_before_ = now + (unreachable ? back_off_ : *retry_after);
        waiting_ = true;
        return;
    }
    // The peer does not know it any more, does not answer, or does not want it: nothing more is sent.
    refused_ = state_ != State::terminated;
    state_ = State::terminated;
    waiting_ = false;
}

void Notifier::on_reachable() {
    if (back_off_ == Seconds{0}) return;  // the peer itself asked for a pause, or nothing waits
    back_off_ = Seconds{0};
    not_before_.reset();
}

void Notifier::on_time(SteadyTime now) {
    if (state_ != State::terminated && expires_at_ <= now) end("timeout");
}

std::optional<SteadyTime> Notifier::next_deadline() const {
    if (state_ == State::terminated) return {};
    if (waiting_ && !in_flight_ && not_before_) return std::min(*not_before_, expires_at_);
    return expires_at_;
}

}  // namespace parley::sip
