#pragma once

#include <optional>

#include "base/clock.hpp"

namespace parley::sip {

// RFC 3261 17 and RFC 6026 for reliable transports: timers A, D, E, G, I, J and K are zero or do not exist, so a
// transaction lives until its final response, an INVITE one until its ACK (H) or 64*T1 longer (L, M). Pure state; what
// the transactions belong to is in transactions.hpp.

class ServerState {
public:
    enum class State { trying, proceeding, accepted, completed, terminated };
    enum class Repeat { absorb, resend };  // the same request again: say nothing, or what we said last

    ServerState(bool invite, SteadyTime now);

    State state() const { return state_; }
    bool ended() const { return state_ == State::terminated; }
    std::optional<SteadyTime> next_deadline() const { return deadline_; }

    Repeat on_repeat() const;
    // True: it is the user's (it acknowledges a 2xx). False: it ends here.
    bool on_ack();
    void on_response(int status, SteadyTime now);
    // True: the ACK of a non-2xx never came. Of no use to anyone but a counter.
    bool on_time(SteadyTime now);
    void give_up();

private:
    State state_;
    bool invite_;
    std::optional<SteadyTime> deadline_;  // H, L, or the end of our patience with our own user
};

class ClientState {
public:
    enum class State { calling, proceeding, accepted, terminated };  // "trying" of the non-INVITE one is calling here
    struct Step {
        bool deliver = false;  // hand the response to the user
        bool ack = false;      // answer it with an ACK of this transaction (17.1.1.3)
    };

    ClientState(bool invite, SteadyTime now);

    State state() const { return state_; }
    bool ended() const { return state_ == State::terminated; }
    std::optional<SteadyTime> next_deadline() const { return deadline_; }

    void on_sent(SteadyTime now);  // it has waited for its turn until now
    Step on_response(int status, SteadyTime now);
    // True: no answer in time (B, F), to be reported as 408. An INVITE in "accepted" ends in silence (M).
    bool on_time(SteadyTime now);
    // The transport is gone. True: to be reported as 503.
    bool on_transport_error();

private:
    State state_ = State::calling;
    bool invite_;
    std::optional<SteadyTime> deadline_;  // B, F or M
};

}  // namespace parley::sip
