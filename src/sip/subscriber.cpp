#include "sip/subscriber.hpp"

#include <algorithm>

#include "sip/limits.hpp"

namespace parley::sip {
namespace {

using Next = SubscriptionEnd::Next;

constexpr Seconds retry_after_trouble{60};    // and up to as much again, so that thousands do not try together
constexpr Seconds longest_wanted{24 * 3600};  // a Min-Expires above it is not followed

Next next_after(std::string_view reason) {
    if (reason == "deactivated") return Next::now;
    if (reason == "probation" || reason == "giveup") return Next::later;
    if (reason == "rejected" || reason == "noresource" || reason == "invariant") return Next::never;
    return Next::allowed;  // timeout, and what we do not know (RFC 6665 4.1.3)
}

// Says nothing of what we asked: the same may be answered well later. 401 and 407 are of a proxy that will be told who
// we are; 423 is of one that has another idea of short.
bool is_passing(int status) {
    return status == 401 || status == 407 || status == 408 || status == 423 || status == 430 || status == 480 ||
           status == 500 || (status >= 502 && status < 600);
}

}  // namespace

Subscriber Subscriber::restored(State state, Seconds wanted, SteadyTime expires_at, Random& random, SteadyTime now) {
    Subscriber subscriber{wanted, random};
    subscriber.state_ = state;
    subscriber.due_ = false;
    subscriber.granted(std::max(Seconds{0}, std::chrono::duration_cast<Seconds>(expires_at - now)), now);
    return subscriber;
}

std::optional<Seconds> Subscriber::take() {
    if (!due_ || in_flight_ || end_) return {};
    due_ = false;
    in_flight_ = true;
    refresh_at_.reset();
    return leaving_ ? Seconds{0} : wanted_;
}

// Refreshes are spread over the ninth and the last tenth but one of the time granted: peers limit our rate, and all
// subscriptions start together when we do.
void Subscriber::granted(Seconds time, SteadyTime now) {
    expires_at_ = now + time;
    const auto spread = std::chrono::duration_cast<Millis>(time) / 10;
    refresh_at_ = now + spread * 8 + jitter(spread);
}

Millis Subscriber::jitter(Millis most) {
    return Millis{static_cast<std::int64_t>(random_->below(static_cast<std::uint64_t>(most.count()) + 1))};
}

void Subscriber::finish(SubscriptionEnd end) {
    if (end_) return;
    if (leaving_) end.next = Next::asked;
    state_ = State::terminated;
    due_ = false;
    end_ = std::move(end);
}

void Subscriber::on_answer(const Reply& reply, SteadyTime now) {
    in_flight_ = false;
    if (end_) return;
    const int status = reply.status;
    if (status >= 200 && status < 300) {
        const auto time = reply.expires.value_or(wanted_);
        if (leaving_ || time == Seconds{0}) {
            notify_by_ = now + timer::transaction;  // the last NOTIFY, terminated
        } else {
            granted(time, now);
            // 4.1.2.4, timer N: only the NOTIFY says that the subscription lives.
            if (state_ == State::starting) notify_by_ = now + timer::transaction;
        }
        return;
    }
    const SubscriptionEnd end{Next::later, status, reply.local, reply.diagnostics, reply.retry_after};
    if (status == 423 && reply.min_expires && *reply.min_expires > wanted_ && *reply.min_expires <= longest_wanted &&
        !leaving_ && !asked_again_) {
        asked_again_ = true;
        wanted_ = *reply.min_expires;
        due_ = true;
        return;
    }
    if (leaving_) return finish(end);
    const bool known = state_ == State::pending || state_ == State::active;
    if (status == 481) return finish({known ? Next::now : Next::later, status, false, reply.diagnostics, {}});
    const bool passing = reply.local || is_passing(status);
    if (known && passing && expires_at_ && *expires_at_ > now) {
        // 4.1.2.2: until its time is over it stands; meanwhile we go on trying.
        const auto least = std::max(reply.retry_after.value_or(retry_after_trouble), retry_after_trouble);
        refresh_at_ = now + least + jitter(retry_after_trouble);
        return;
    }
    finish({passing ? Next::later : Next::never, status, reply.local, reply.diagnostics, reply.retry_after});
}

void Subscriber::on_notify(const SubscriptionState& state, SteadyTime now) {
    if (end_) return;
    notify_by_.reset();
    switch (state.value) {
        case SubscriptionState::Value::terminated:
            return finish({next_after(state.reason), 0, false, state.reason, state.retry_after});
        case SubscriptionState::Value::active: state_ = State::active; break;
        case SubscriptionState::Value::pending: state_ = State::pending; break;
    }
    // It may shorten the time; longer than our refresh asked for counts too (4.1.3).
    if (state.expires && !leaving_ && wanted_ != Seconds{0}) {
        const auto until = now + *state.expires;
        const auto slack = Seconds{5};
        if (!expires_at_ || until < *expires_at_ - slack || until > *expires_at_ + slack) granted(*state.expires, now);
    }
}

void Subscriber::unsubscribe(SteadyTime now) {
    if (end_) return;
    (void)now;
    leaving_ = due_ = true;
}

void Subscriber::on_time(SteadyTime now) {
    if (end_) return;
    if (notify_by_ && *notify_by_ <= now) return finish({Next::later, 0, false, "no NOTIFY came", {}});
    if (expires_at_ && *expires_at_ <= now && !in_flight_ && !leaving_)
        return finish({Next::later, 408, true, "expired", {}});
    if (refresh_at_ && *refresh_at_ <= now) {
        refresh_at_.reset();
        if (!leaving_) due_ = true;
    }
}

std::optional<SteadyTime> Subscriber::next_deadline() const {
    std::optional<SteadyTime> next;
    if (end_) return next;
    // While an answer is awaited the end of the grant decides nothing.
    const auto expires = in_flight_ || leaving_ ? std::optional<SteadyTime>{} : expires_at_;
    for (const auto& when : {expires, refresh_at_, notify_by_})
        if (when && (!next || *when < *next)) next = when;
    return next;
}

}  // namespace parley::sip
