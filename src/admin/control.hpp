#pragma once

#include <string>
#include <vector>

#include "admin/audit_log.hpp"
#include "admin/control_protocol.hpp"
#include "base/clock.hpp"
#include "base/function.hpp"
#include "storage/account_store.hpp"
#include "storage/policy_store.hpp"

namespace parley::admin {

// What administration asks of the running node. parleyd implements it; parleyctl has one for a node that does not run.
class NodeControl {
public:
    virtual ~NodeControl() = default;
    virtual std::vector<std::string> domains() const = 0;  // the local ones
    virtual NodeStatus status() const = 0;
    virtual ReloadReport reload() = 0;
    enum class Ended { deleted, password_changed };
    virtual void end_sessions(const xmpp::Jid& user, Ended why) = 0;  // on every shard; may return before it is done
    virtual void policy_changed(const im::FederationPolicy& policy) = 0;
    // A user's own policy; `done` on the caller's executor. too_long: the list would have too many entries.
    virtual void user_policy(const xmpp::Jid& user, Function<void(Result<im::UserPolicy>)> done) = 0;
    virtual void change_user_policy(const xmpp::Jid& user, im::PolicyChange change, Function<void(Result<>)> done) = 0;
    virtual void retry(const std::string& domain) = 0;  // a partner's, prepared; may return before it is done
    // `done` runs on the caller's executor, within ten seconds. The domains are prepared and of the right side.
    virtual void look(const Look& look, Function<void(Report)> done) = 0;
    virtual im::Tracer* tracer() { return nullptr; }  // nullptr: nothing passes here that could be followed
    virtual void trace_started() {}                   // it ends when its time is over, whether somebody asks or not
};

// Every administrative act as one call: checks, then the audit line, then the effect. The control socket, the web API
// and parleyctl are faces of it. Lives on the executor of its stores; outlives the requests under way.
class Control {
public:
    using Done = Function<void(Response)>;

    Control(storage::AccountStore& accounts, storage::PolicyStore& policy, NodeControl& node, AuditLog& audit,
            const Clock& clock)
        : accounts_(accounts), policy_(policy), node_(node), audit_(audit), clock_(clock) {}

    // `actor` as it will stand in the audit log. `done` runs on the stores' executor, possibly before this returns.
    void handle(Act act, std::string actor, Done done);

private:
    struct Context {
        std::string actor, verb, target;
        Done done;
    };

    void act(AddUser, Context);
    void act(SetPassword, Context);
    void act(ImportUsers, Context);
    void act(DeleteUser, Context);
    void act(ListUsers, Context);
    void act(PutRule, Context);
    void act(RemoveRule, Context);
    void act(SetFederationDefault, Context);
    void act(RetryFederation, Context);
    void act(ListFederation, Context);
    void act(GetStatus, Context);
    void act(Reload, Context);
    void act(GetPolicy, Context);
    void act(ChangePolicy, Context);
    void act(Look, Context);
    void explain(Look, Context);
    void act(Trace, Context);
    void start_trace(const Trace&, im::Tracer&, Context);
    void stop_trace(const Trace&, im::Tracer&, Context);
    void show_trace(const Trace&, im::Tracer&, Context);

    // Writes the line that comes before the effect; on failure answers for it and gives false.
    bool audited(const Context& context, std::string detail = {});
    void failed(const Context& context, const Error& error, const Message& refused);
    void tell_policy(Context context, Message done);
    bool ours(const std::string& domain) const;
    Result<storage::Account> account_of(const UserKeys& user, Message& problem) const;
    Result<xmpp::Jid> user_of(const std::string& text, Message& problem) const;

    storage::AccountStore& accounts_;
    storage::PolicyStore& policy_;
    NodeControl& node_;
    AuditLog& audit_;
    const Clock& clock_;
};

}  // namespace parley::admin
