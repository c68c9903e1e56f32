#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "sip/ids.hpp"
#include "sip/notifier.hpp"

namespace parley::sip {

// Why an IM session is over. Texts that the peer has not taken are handed back in their order: open a new session and
// send them again.
struct SessionEnd {
    enum class Why {
        refused,    // a final answer to our INVITE, or none (408); `status` says which
        cancelled,  // the peer gave up before we answered
        bye,        // the peer closed it
        dangling,   // a MESSAGE was answered 408, 480 or 481: the peer has forgotten it
        idle,
        closed,    // we closed it
        replaced,  // the peer opened another one
        no_ack,    // our 200 was never acknowledged
    };
    Why why = Why::closed;
    int status = 0;
    bool local = false;  // the status is our own: nobody answered (408), or it could not be sent (503)
    bool sent = true;    // false: the request never left us
    std::optional<Seconds> retry_after{};
    std::string diagnostics{};
    std::vector<MessageId> unsent{};     // never left us, or refused: safe to send again
    std::vector<MessageId> uncertain{};  // sent, and nothing was heard: sending again may double it
};

// An instant message session by INVITE (session mode, sip-wire facts of OCS, Lync and SIMPLE peers): set-up as caller
// or callee, one MESSAGE in flight, 2xx resent until its ACK (RFC 3261 13.3.1.4), CANCEL, BYE, idle time. Pure: what to
// send is in the Step it returns; the core sends and reports back.
class ImSession {
public:
    // parting: closed by either side while the answer to a MESSAGE of ours is still to come.
    enum class State { calling, ringing, accepted, open, parting, ended };
    struct Step {
        bool cancel = false;  // our INVITE
        bool ack = false;     // the 2xx to it
        bool bye = false;
        bool trying = false;     // a 100 for the peer's INVITE
        bool resend_ok = false;  // our 2xx again
        bool opened = false;     // tell the user
        std::optional<SessionEnd> ended;
    };
    struct Text {
        MessageId id;
        Body body;
        std::string language{};
    };

    static ImSession calling(Seconds idle, SteadyTime now);
    static ImSession ringing(Seconds idle, SteadyTime now);
    static ImSession restored(Seconds idle, SteadyTime now);

    State state() const { return state_; }

    // What came back for a request of ours.
    struct Reply {
        int status = 0;
        bool local = false;
        bool sent = true;  // false: it never left us
        std::optional<Seconds> retry_after{};
        std::string diagnostics{};
    };
    // Caller: any answer to our INVITE.
    Step on_invite_answer(Reply reply, SteadyTime now);
    // Callee.
    void on_accepted(SteadyTime now);  // our 2xx went out
    Step on_rejected(int status);
    Step on_ack(SteadyTime now);
    Step on_cancel();

    Step on_bye(SteadyTime now);
    Step close(SteadyTime now, SessionEnd::Why why = SessionEnd::Why::closed);
    void touch(SteadyTime now);  // something was said: it is not idle

    bool queue(Text text);        // false: too many wait already
    bool withdraw(MessageId id);  // one that has not been taken
    std::optional<Text> take();   // the MESSAGE to send now
    // The answer to it.
    struct MessageResult {
        std::optional<MessageId> done;  // with the status that came: report it, after the step
        Step step;
    };
    MessageResult on_message_answer(const Reply& reply, SteadyTime now);

    Step on_time(SteadyTime now);
    std::optional<SteadyTime> next_deadline() const;

private:
    Step finish(SessionEnd end);
    void part(SessionEnd::Why why, SteadyTime now);

    State state_ = State::calling;
    Seconds idle_{600};
    bool heard_ = false, closing_ = false, cancelled_ = false;
    std::optional<SessionEnd::Why> why_;
    std::deque<Text> waiting_;
    std::optional<Text> in_flight_;
    std::optional<SteadyTime> give_up_at_, resend_at_, idle_at_, trying_at_;
    Millis resend_delay_{0};
};

}  // namespace parley::sip
