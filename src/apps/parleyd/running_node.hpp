#pragma once

#include <string>

#include "admin/config.hpp"
#include "admin/control.hpp"
#include "apps/parleyd/node_process.hpp"

namespace parley {

// The running node as administration sees it. On the main loop's thread.
class RunningNode final : public admin::NodeControl {
public:
    RunningNode(admin::Config config, NodeProcess& process);

    std::vector<std::string> domains() const override;
    admin::NodeStatus status() const override;
    // Reads the file again. With an error in it, or when it cannot be applied, everything stays as it was.
    admin::ReloadReport reload() override;
    void end_sessions(const xmpp::Jid& user, Ended why) override;
    void policy_changed(const im::FederationPolicy& policy) override;
    void user_policy(const xmpp::Jid& user, Function<void(Result<im::UserPolicy>)> done) override;
    void change_user_policy(const xmpp::Jid& user, im::PolicyChange change, Function<void(Result<>)> done) override;
    void retry(const std::string& domain) override { process_.retry(domain); }
    void look(const admin::Look& look, Function<void(admin::Report)> done) override;
    im::Tracer* tracer() override { return &process_.tracer(); }
    void trace_started() override { process_.trace_started(); }

    std::string ready_line() const;  // "parleyd ready: example.com c2s 127.0.0.1:5222 s2s ..."
    // What a reload by a signal came to, for the log.
    std::string describe(const admin::Response& response, admin::Language language) const;

private:
    admin::Config config_;
    NodeProcess& process_;
    SystemClock clock_;
    SteadyTime started_;
};

}  // namespace parley
