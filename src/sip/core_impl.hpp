#pragma once

#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "sip/body/sdp.hpp"
#include "sip/core.hpp"
#include "sip/dialog.hpp"
#include "sip/header/event.hpp"
#include "sip/invite_verdict.hpp"
#include "sip/response.hpp"
#include "sip/tag.hpp"
#include "sip/transactions.hpp"

namespace parley::sip {

// One dialog and what it is used for. Exactly one of the three machines is there. There are many of these, most of them
// subscriptions that wait for their next refresh: what only some need is kept outside.
struct UsageEntry {
    UsageEntry(UsageId id_, DialogRecord::Role role_, Dialog dialog_)
        : id(id_), role(role_), dialog(std::move(dialog_)) {}

    UsageId id;
    DialogRecord::Role role;
    bool stored = false;     // a row is in the store, or on its way
    bool reserving = false;  // a block of CSeq numbers is on its way
    bool live = false;       // our 200 went out: NOTIFY may follow
    bool decided = false;    // the user has answered it
    bool look_up = false;
    bool owes_bye = false;          // one waits for its CSeq number
    std::uint32_t pending_top = 0;  // of a block on its way: no later row may name a lower one
    std::uint32_t invite_cseq = 0;

    Dialog dialog;
    std::string note, remote_display;
    Event event;
    std::unique_ptr<Notifier> notifier;
    int states_unstored = 0;  // of the notifier, on their way to the disk: nothing is said before
    std::unique_ptr<Subscriber> subscriber;
    std::unique_ptr<ImSession> session;
    std::vector<Function<void(bool)>> waiting_for_cseq;

    ServerTransactionId asked{};  // their SUBSCRIBE or INVITE that waits for our user
    Seconds granted{0};
    ClientTransactionId invite{};    // ours
    ServerTransactionId accepted{};  // their INVITE, for resending the 2xx
    std::string ok;                  // the 2xx
    std::unique_ptr<ImOffer> offer;  // theirs, until it is answered
    std::vector<std::string> accept_types;
    UsageId replaces{};
};

class CoreImpl {
public:
    CoreImpl(CoreConfig config, const Clock& clock, Random& random, Out& out, User& user);

    // core_requests.cpp: what comes in
    void on_message(LinkId link, Parsed parsed);
    void on_request(ServerTransactionId id, const Message& request);
    void on_response(const Message& response);
    void on_refer(ServerTransactionId id, const Message& request);
    void on_cancel(ServerTransactionId id, const Message& request);
    void on_options(ServerTransactionId id, const Message& request);
    void in_dialog(ServerTransactionId id, const Message& request, std::string_view local_tag);

    // core_subscriptions.cpp
    void on_subscribe(ServerTransactionId id, const Message& request);
    void on_refresh(ServerTransactionId id, UsageEntry& usage, const Message& request);
    void on_notify(ServerTransactionId id, UsageEntry& usage, const Message& request);
    void on_subscribe_answer(UsageId id, const Answer& answer);
    void accept_subscription(UsageId id, Notifier::State state, SharedBody body, std::string note);
    void send_notify(UsageEntry& usage, Notifier::Notify notify);
    void send_subscribe(UsageEntry& usage, Seconds expires);
    void on_reachable(std::string_view domain);
    UsageId subscribe(const Uri& local, const Uri& remote, const SubscribeOptions& options);

    // core_sessions.cpp
    void on_invite(ServerTransactionId id, const Message& request);
    void refuse(ServerTransactionId id, const Message& request, const InviteVerdict& verdict);
    void tell(const Message& request, Unwanted wanted);  // the user, of what was refused
    void on_reinvite(ServerTransactionId id, UsageEntry& usage, const Message& request);
    void on_text(ServerTransactionId id, UsageEntry* usage, const Message& request);
    void on_ack(const Message& request);
    UsageId open_session(const Uri& local, const Uri& remote, std::string_view subject);
    void accept_session(UsageId id, std::string note);
    void on_invite_answer(UsageId id, const Answer& answer);
    void send_bye(UsageEntry& usage);
    void send_text(UsageEntry& usage, ImSession::Text text);
    void send_activity(UsageId id, Method method, Body body);
    MessageId send_pager(const Uri& local, const Uri& remote, TextToSend text);
    void perform(UsageId id, ImSession::Step step);

    // core_usages.cpp: the table, rows, time
    UsageEntry* find(UsageId id);
    UsageEntry* find(std::string_view call_id, std::string_view local_tag);
    UsageEntry& add(DialogRecord::Role role, Dialog dialog);
    void remove(UsageId id);
    bool full(std::string_view domain) const;
    void store(UsageEntry& usage, Function<void(bool)> done);  // `done`: none if nobody waits
    void store_again(UsageEntry& usage);                       // nobody waits for it
    void with_cseq(UsageEntry& usage, Function<void(bool)> then);
    Result<Restored> restore(std::string_view row);
    DialogRecord record_of(const UsageEntry& usage) const;
    // Sends what the usage's machine has to send, sets its wake-up, removes it when it has ended.
    void pump(UsageId id);
    void on_time();
    std::optional<SteadyTime> next_deadline() const;

    // core.cpp: sending
    LocalName name_for(const Uri& local, const PeerSettings& peer) const;
    // Who warns (RFC 3261 20.43): our name, or a pseudonym while there is none.
    std::string_view warn_agent() const { return config.host.empty() ? "parley" : std::string_view(config.host); }
    void respond(ServerTransactionId id, Message response);
    void respond(ServerTransactionId id, int status, std::string_view phrase = {});
    Message response_to(ServerTransactionId id, int status, std::string_view to_tag, std::string_view phrase = {});
    ClientTransactionId send(const Dialog& dialog, Message request, AnswerHandler handler);
    void send_without_answer(const Dialog& dialog, Message request);  // ACK
    Party party_of(const UsageEntry& usage) const {
        return {usage.dialog.local_uri(), usage.dialog.remote_uri(), usage.remote_display};
    }
    static std::string pair_of(const UsageEntry& usage) {
        return usage.dialog.local_uri().aor() + "\n" + usage.dialog.remote_uri().aor();
    }
    std::string new_tag(const Uri& local);
    SteadyTime now() const { return clock.now(); }

    CoreConfig config;
    const Clock& clock;
    Random& random;
    Out& out;
    User& user;
    Transactions transactions;
    std::unordered_map<std::uint64_t, std::unique_ptr<UsageEntry>> usages;
    std::unordered_map<std::string, std::size_t> of_domain;  // usages by their remote domain
    std::unordered_map<std::string_view, UsageId> by_tag;    // our tag, in the entry: 64 random bits, unique
    Deadlines<UsageId> deadlines;
    std::map<ServerTransactionId, UsageId> ringing;          // INVITEs that wait for our user
    std::unordered_map<std::string, UsageId> open_sessions;  // by both addresses: the newest
    std::uint64_t last_usage = 0, last_text = 0;
    // Completions of the store may come when the core is gone.
    std::shared_ptr<int> alive = std::make_shared<int>(0);
};

}  // namespace parley::sip
