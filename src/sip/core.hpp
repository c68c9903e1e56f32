#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/function.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "sip/admission.hpp"
#include "sip/dialog_record.hpp"
#include "sip/header/name_addr.hpp"
#include "sip/ids.hpp"
#include "sip/im_session.hpp"
#include "sip/invite_verdict.hpp"
#include "sip/message.hpp"
#include "sip/notifier.hpp"
#include "sip/subscriber.hpp"

// The SIP of one shard: transactions, dialogs, subscriptions and sessions behind one object that owns no socket, no
// clock and no disk. RFC 3261, 3428, 6665, 3856 as far as presence and instant messages need them.
//
//   bytes of a link -> Framer -> parse_message() -> Core::on_message()      Core -> Out: bytes for links, rows for the
//   store Core -> User: what a peer asked, what became of our requests            User -> Core: answers and requests of
//   our own
//
// One thread. Neither Out nor User may call back into the core from Out's functions (they post it); User's functions
// may call the core. What must be durable first is sent only after the store has said so: the row of a dialog before
// the 200 that makes it, a block of CSeq numbers before its first use.
namespace parley::sip {

class Out {
public:
    virtual ~Out() = default;
    // A response. If the link has gone, another one to the same peer may carry it (RFC 3261 18.2.2), or it is dropped.
    virtual void send(LinkId link, std::string bytes) = 0;
    // A request of ours for that domain, by any link to it. When it is known by which, call Core::on_sent(); when it
    // cannot be sent, Core::on_send_failed(). An ACK has no id and is nobody's loss.
    virtual void send_to_domain(const std::string& domain, std::string bytes, ClientTransactionId id) = 0;
    // Rows of one key are written in the order of the calls. `done(false)`: the disk did not take it.
    virtual void persist(const std::string& key, std::string row, Function<void(bool stored)> done) = 0;
    virtual void forget(const std::string& key) = 0;  // nobody waits, as after a persist() without `done`
};

// What is particular to the domain that a request goes to or comes from.
struct PeerSettings {
    bool tls = true;
    Seconds max_expires{3600};     // the longest grant; 7200 for OCS and Lync
    Seconds wanted_expires{3600};  // what we ask for
};

struct Party {
    Uri local, remote;
    std::string remote_display;  // for people; "" if there is none
};

struct SubscribeInfo {
    Party party;
    std::string event;
    Seconds granted{0};
    bool look_up = false;  // Expires: 0 outside a dialog: one NOTIFY with the state, and it is over
};

struct WatcherEnd {
    enum class Why { unsubscribed, expired, refused, ended };  // refused: by the peer's answer to a NOTIFY
    Why why = Why::ended;
};

struct NotifyInfo {
    SubscriptionState state;
    Body body;
};

struct SessionRequest {
    Party party;
    std::string subject;
    std::vector<std::string> accept_types;
    UsageId replaces{};  // the open session with the same peer that accepting this one will close
};

struct IncomingText {
    UsageId session{};  // nobody: pager mode, outside a dialog
    Party party;
    Body body;
    std::string subject, language;  // one line; the first tag of Content-Language
    std::string origin;             // the same when the peer sends the same text again: From tag, Call-ID and CSeq
};

// IncomingText::origin of a MESSAGE.
std::string text_origin(const Message& request);

struct TextToSend {
    Body body;
    std::string subject{}, language{};  // of a session the subject is the INVITE's
    // Outside of a session the same name gives the same Call-ID, From tag and CSeq: a peer can tell a repetition.
    std::string name{};
};

struct Outcome {
    int status = 0;      // 2xx: delivered to the peer
    bool local = false;  // our own: nobody answered (408), or it could not be sent (503)
    bool sent = true;    // false: it never left us
    std::optional<Seconds> retry_after{};
    std::string diagnostics{};
};

class User {
public:
    virtual ~User() = default;

    virtual PeerSettings peer(std::string_view domain) = 0;
    // 16 bits of the hash of that local user, for the tags of its dialogs (see tag.hpp).
    virtual std::uint16_t slot_token(const Uri& local) = 0;
    // Before anything else is looked at: may this request come by this link? Checks that the From domain is allowed and
    // is one that the link's certificate stands for.
    virtual Admission admit(LinkId link, const Message& request) = 0;
    // Do these two hosts name one domain, in another spelling or under an alias?
    virtual bool same_domain(std::string_view a, std::string_view b) { return equal_ignoring_case(a, b); }

    // ---- somebody watches one of our users
    virtual void on_subscribe(UsageId id, const SubscribeInfo& info) = 0;  // accept_ or reject_subscription()
    virtual void on_watcher_gone(UsageId id, const WatcherEnd& end) = 0;   // `id` is no more
    // ---- we watch somebody
    virtual int on_notify(UsageId id, const NotifyInfo& info) = 0;  // the status to answer: 200, 415
    virtual void on_subscription_end(UsageId id, const SubscriptionEnd& end) = 0;
    // A SUBSCRIBE of ours has had its answer, or will have none; before what it causes.
    virtual void on_subscribe_answer(UsageId id, int status, bool local) = 0;
    // ---- sessions
    virtual void on_session_request(UsageId id, const SessionRequest& request) = 0;  // accept_ or reject_session()
    virtual void on_session_open(UsageId id, const std::vector<std::string>& accept_types) = 0;
    virtual void on_session_end(UsageId id, const SessionEnd& end) = 0;
    // The peer's user wanted of `local` what cannot be, and was refused; a session that is open goes on.
    virtual void on_unwanted(const Party& party, Unwanted wanted) = 0;
    virtual int on_info(UsageId id, const Body& body) = 0;  // typing: the status to answer
    // ---- texts
    virtual void on_text(ServerTransactionId id, const IncomingText& text) = 0;  // answer() once it is durable
    virtual void on_text_outcome(MessageId id, const Outcome& outcome) = 0;
};

struct CoreConfig {
    std::uint8_t cluster = 1;
    std::string host_prefix = "sip.";  // our name towards a peer is this and the local domain
    std::string host;                  // or this, for all local domains
    std::uint16_t tls_port = 5061, tcp_port = 5060;
    std::string product = "parley";
    std::vector<std::string> events{"presence"};
    std::vector<std::string> body_types{"application/pidf+xml"};                          // of NOTIFY
    std::vector<std::string> text_types{"text/plain", "application/im-iscomposing+xml"};  // of MESSAGE
    Seconds default_expires{3600}, min_expires{60};
    Seconds session_idle{600};
};

struct SubscribeOptions {
    bool look_up = false;
    std::string note;  // kept in the row, given back by restore()
};

struct Restored {
    UsageId id;
    DialogRecord::Role role;
    Party party;
    std::string note;
    std::string event, state;
};

class CoreImpl;

class Core {
public:
    // All five must outlive the core.
    Core(CoreConfig config, const Clock& clock, Random& random, Out& out, User& user);
    ~Core();

    // ---- from the links
    void on_message(LinkId link, Parsed parsed);
    // The stream of this link is broken behind this head (Framer::Item::fatal): answers it. The caller closes the link.
    void on_broken(LinkId link, std::string_view head, const Problem& problem);
    void on_link_down(LinkId link);
    void on_sent(ClientTransactionId id, LinkId link);
    void on_send_failed(ClientTransactionId id);

    // ---- from the store, before anything else: every row that was persisted and not forgotten
    Result<Restored> restore(std::string_view row);

    // ---- time
    std::optional<SteadyTime> next_deadline() const;
    void on_time();

    // ---- watchers. The first answer to on_subscribe; a second one is ignored.
    void accept_subscription(UsageId id, Notifier::State state, SharedBody body, std::string note = {});
    void reject_subscription(UsageId id, int status);
    void notify(UsageId id, Notifier::State state, SharedBody body);  // the newest replaces what waits
    // The last NOTIFY: "rejected", "noresource", "deactivated", "probation", ...
    void end_subscription(UsageId id, std::string reason, std::optional<Seconds> retry_after = {});

    // ---- our subscriptions
    UsageId subscribe(const Uri& local, const Uri& remote, const SubscribeOptions& options);
    void refresh(UsageId id);  // now: the canary after a link to that peer was lost
    void unsubscribe(UsageId id);
    void abandon(UsageId id);                     // the peer has forgotten it: nobody is told
    void set_note(UsageId id, std::string note);  // of the row; nobody waits for the disk
    // Requests to this domain arrive again: notifications that failed are sent now.
    void on_reachable(std::string_view domain);

    // ---- sessions
    UsageId open_session(const Uri& local, const Uri& remote, std::string_view subject = {});
    void accept_session(UsageId id, std::string note = {});
    void reject_session(UsageId id, int status);
    void close_session(UsageId id);
    // Sent when the session is open and the texts before it have been answered. Nobody: too many wait, or no such
    // session.
    MessageId send_text(UsageId session, TextToSend text);
    // Takes it back from a session that has not sent it; false: it is under way, or unknown.
    bool withdraw_text(UsageId session, MessageId text);
    // Typing: INFO towards Microsoft's, MESSAGE with im-iscomposing towards the others. No outcome; dropped unless it
    // is open.
    void send_activity(UsageId session, Method method, Body body);
    MessageId send_pager(const Uri& local, const Uri& remote, TextToSend text);
    // Of on_text(). `words`: as of an Admission.
    void answer(ServerTransactionId id, int status, std::optional<Seconds> retry_after = {},
                std::string_view words = {});

    // ---- for routing, counters and tests
    std::optional<Party> party(UsageId id) const;
    std::size_t usages() const;
    std::size_t transactions() const;

private:
    std::unique_ptr<CoreImpl> impl_;
};

}  // namespace parley::sip
