#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "sip/header/subscription_state.hpp"

namespace parley::sip {

struct Body {
    std::string type;  // Content-Type; "" for none
    std::string text;
    bool operator==(const Body&) const = default;
};

// One that many may hold at once: a user's watchers are all told the same document, and each subscription keeps what it
// was told.
class SharedBody {
public:
    SharedBody() = default;  // none
    SharedBody(Body body) : body_(std::make_shared<const Body>(std::move(body))) {}
    SharedBody(std::string type, std::string text) : SharedBody(Body{std::move(type), std::move(text)}) {}

    const Body& operator*() const {
        static const Body none;
        return body_ ? *body_ : none;
    }
    const Body* operator->() const { return &**this; }
    bool operator==(const SharedBody& other) const { return body_ == other.body_ || **this == *other; }

private:
    std::shared_ptr<const Body> body_;
};

// RFC 6665 4.2: our side of a subscription that a peer holds. One NOTIFY is in flight; of the states that wait behind
// it only the newest is sent. Pure: it says what to send, the core sends it and reports the answer.
class Notifier {
public:
    enum class State { pending, active, terminated };
    struct Notify {
        SubscriptionState state;
        SharedBody body;
    };

    Notifier(State state, SteadyTime expires_at) : state_(state), expires_at_(expires_at) {}
    // After a restart the peer is told nothing of an active one before set() has said what is so: not even an empty
    // document, which would read as offline.
    static Notifier restored(State state, SteadyTime expires_at) {
        Notifier notifier{state, expires_at};
        notifier.known_ = state != State::active;
        return notifier;
    }

    State state() const { return state_; }
    SteadyTime expires_at() const { return expires_at_; }

    // A SUBSCRIBE was accepted, the first or a refresh: each is followed by a NOTIFY (4.2.1.2). Zero ends it.
    void on_subscribe(Seconds granted, SteadyTime now);
    // What the user says is so now.
    void set(State state, SharedBody body);
    void end(std::string reason, std::optional<Seconds> retry_after = {});

    // The NOTIFY to send now, if there is one. It counts as in flight until on_answer().
    std::optional<Notify> take(SteadyTime now);
    // `local`: the status is our own, because nothing was heard (408) or nothing could be sent (503). A peer that
    // cannot be reached keeps its subscription: it is asked again, ever more seldom, until the grant ends. Any other
    // refusal without Retry-After ends it (4.2.2).
    void on_answer(int status, bool local, std::optional<Seconds> retry_after, SteadyTime now);
    void on_time(SteadyTime now);
    void on_reachable();  // what could not be sent may try at once
    std::optional<SteadyTime> next_deadline() const;

    bool finished() const { return state_ == State::terminated && !waiting_ && !in_flight_; }
    bool refused() const { return refused_; }  // ended by the peer's answer to a NOTIFY

private:
    State state_;
    SteadyTime expires_at_;
    SharedBody body_;
    std::string reason_;
    std::optional<Seconds> retry_after_;
    std::optional<SteadyTime> not_before_;
    Seconds back_off_{0};
    bool waiting_ = false, in_flight_ = false, refused_ = false, known_ = true;
};

}  // namespace parley::sip
