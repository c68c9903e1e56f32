#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "im/envelope.hpp"
#include "im/roster.hpp"
#include "im/routing.hpp"
#include "im/subscription.hpp"
#include "im/user_policy.hpp"
#include "server/session.hpp"
#include "storage/spool_store.hpp"

namespace parley::server {

class Shard;

// Everything of one local user that is in memory: the roster and the sessions. Lives on the shard of the user's slot
// and is touched there only. Loaded when somebody needs it, dropped some time after the last session has ended.
class User {
public:
    // `usage`: what waits in the spool, if that could be read.
    User(Shard& shard, xmpp::Jid jid, im::Roster roster, im::UserPolicy policy,
         std::optional<storage::SpoolUsage> usage);
    ~User();

    const xmpp::Jid& jid() const { return jid_; }  // bare
    Shard& shard() const { return shard_; }
    im::Roster& roster() { return roster_; }
    const im::Roster& roster() const { return roster_; }

    // Sessions, hibernating ones included.
    const std::vector<std::shared_ptr<Session>>& sessions() const { return sessions_; }
    Session* session(std::string_view resource) const;
    Session* resumable(std::string_view resume_id) const;
    bool has_available() const;
    // Of what waits: no further message is kept. `unheard`: as a sender finds it whom the user has blocked.
    bool is_full(bool unheard = false) const;
    Session& bind(xmpp::Jid full);
    // The end of a session: others hear of it, and what its client never confirmed is routed anew.
    void end(Session& session);

    // Messages (RFC 6121 8.5). `settled` as for ClusterBus::hand.
    void receive_message(im::Envelope envelope, im::Settled settled);
    void receive_presence(const im::Envelope& envelope, im::Settled settled);
    void receive_iq(const im::Envelope& envelope);

    // Stored messages for a resource that has become able to take them (XEP-0160).
    void flush_offline(Session& session);
    void confirmed(std::vector<std::int64_t> spool_ids);
    // What a session of this user has delivered first and its client has not confirmed for a while.
    void write_delivered(std::shared_ptr<Session> holder, im::Envelope envelope, im::Settled settled);
    bool take_row(const storage::SpooledMessage& row);  // for one of the sessions; false: another has it

    // Changes the roster in memory at once and on disk; `then` after the commit. An item that is empty() is removed.
    void change_roster(std::vector<im::RosterItem> items, Function<void(Result<>)> then);
    void replace_roster(im::Roster roster) { roster_ = std::move(roster); }

    // The user's own say (requirements D3 to D7). Whoever is blocked sees the user offline and reaches nobody.
    const im::UserPolicy& policy() const { return policy_; }
    bool blocks(const xmpp::Jid& who) const;
    im::Verdict verdict(const xmpp::Jid& contact) const;  // on a request of this contact
    // How much this contact learns of a no.
    im::Manner manner(const xmpp::Jid& contact) const;
    // True in memory at once; once it is on disk the contacts and the user's other clients see it, and `then` runs when
    // what followed from it for waiting requests is on disk too.
    void change_policy(im::PolicyChange change, Function<void(Result<>)> then);
    void replace_policy(im::UserPolicy policy) { policy_ = std::move(policy); }
    // Requests that wait although the policy knows the answer: it was made while they could not be looked at.
    void answer_decided();

    SteadyTime last_used{};

private:
    // `holder`: the session that has delivered it already, if any.
    void store(im::Envelope envelope, im::Settled settled, std::shared_ptr<Session> holder = {});
    void append(im::Envelope envelope, im::Settled settled, std::shared_ptr<Session> holder);
    void appended(const im::Envelope& envelope, std::int64_t spool_id, std::size_t bytes, Session* holder);
    void route(im::Envelope envelope, im::Settled settled);
    // A message that its sender keeps is delivered before it is written where that is the shorter way.
    Session* first_taker(const im::Envelope& envelope, const im::RoutingDecision& decision) const;
    void deliver_first(Session& to, im::Envelope envelope, const im::RoutingDecision& decision, im::Settled settled);
    void receive_repetition(im::Envelope envelope, im::Settled settled);
    void name_for_client(im::Envelope& envelope);
    // Sends to every resource that is to have it now.
    void hand_out(const im::Envelope& envelope, std::int64_t spool_id, std::size_t bytes);
    void hand_out(const im::Envelope& envelope, const im::RoutingDecision& decision, std::int64_t spool_id,
                  std::size_t bytes);
    // All of those who are to have it are behind: it stays on disk until one of them catches up.
    bool must_wait(const im::RoutingDecision& decision) const;
    im::Recipient as_recipient() const;
    void drop_unheard(std::int64_t spool_id, std::size_t bytes);
    struct Touched {
        xmpp::Jid contact;
        bool was_blocked;
    };
    void policy_in_force(const std::vector<Touched>& touched, Function<void(Result<>)> then);
    void decide(std::vector<std::pair<xmpp::Jid, im::SubscriptionOutcome>> outcomes, Function<void(Result<>)> then);
    void route_anew(Queue<UnackedQueue::Sent> unconfirmed);

    Shard& shard_;
    xmpp::Jid jid_;
    im::Roster roster_;
    im::UserPolicy policy_;
    storage::SpoolUsage unheard_;  // what blocked senders believe to wait
    std::vector<std::shared_ptr<Session>> sessions_;
    std::map<std::int64_t, std::size_t> in_flight_;  // rows of the spool that a session holds, with their bytes
    // What the spool has for this user, counted from the first message that is stored; until it is known they wait.
    std::optional<storage::SpoolUsage> usage_;
    std::vector<Function<void(const Error*)>> waiting_for_usage_;
    std::size_t appending_ = 0;  // on their way to the spool: nothing that comes later may pass them
};

}  // namespace parley::server
