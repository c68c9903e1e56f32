#pragma once

#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "sip/header/subscription_state.hpp"

namespace parley::sip {

// Why a subscription of ours is over, and what may be done next (RFC 6665 4.1.3, RFC 8048).
struct SubscriptionEnd {
    enum class Next {
        now,      // deactivated, or the peer has forgotten it (481): subscribe again at once
        later,    // probation, giveup, unreachable, no NOTIFY came: after a while
        allowed,  // timeout: as one likes
        never,    // rejected, noresource, invariant, 403, 404, 489, 603 and the like
        asked,    // we ended it
    };
    Next next = Next::later;
    int status = 0;      // of the answer that ended it, 0 if a NOTIFY did
    bool local = false;  // the status is our own: the peer was not reached
    std::string reason;  // of the NOTIFY, or diagnostics of the answer
    std::optional<Seconds> retry_after;
};

// RFC 6665 4.1: our side of a subscription that we hold at a peer. Pure, like Notifier.
class Subscriber {
public:
    enum class State { starting, pending, active, terminated };

    // `wanted` zero: a look-up, one NOTIFY and no more.
    Subscriber(Seconds wanted, Random& random) : wanted_(wanted), random_(&random) {}
    static Subscriber restored(State state, Seconds wanted, SteadyTime expires_at, Random& random, SteadyTime now);

    State state() const { return state_; }
    std::optional<SteadyTime> expires_at() const { return expires_at_; }

    // The Expires of a SUBSCRIBE to send now, if one is due. In flight until on_answer().
    std::optional<Seconds> take();
    struct Reply {
        int status = 0;
        bool local = false;
        std::optional<Seconds> expires, min_expires, retry_after;
        std::string diagnostics;
    };
    void on_answer(const Reply& reply, SteadyTime now);
    void on_notify(const SubscriptionState& state, SteadyTime now);
    void refresh() { due_ = true; }  // at once, not when the time comes: the canary after a link was lost
    void unsubscribe(SteadyTime now);
    void on_time(SteadyTime now);
    std::optional<SteadyTime> next_deadline() const;

    const std::optional<SubscriptionEnd>& end() const { return end_; }

private:
    void granted(Seconds time, SteadyTime now);
    void finish(SubscriptionEnd end);
    Millis jitter(Millis most);

    State state_ = State::starting;
    Seconds wanted_;
    Random* random_;
    bool due_ = true, in_flight_ = false, leaving_ = false, asked_again_ = false;
    std::optional<SteadyTime> expires_at_, refresh_at_, notify_by_;
    std::optional<SubscriptionEnd> end_;
};

}  // namespace parley::sip
