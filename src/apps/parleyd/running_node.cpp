#include "apps/parleyd/running_node.hpp"

#include <algorithm>
#include <unistd.h>
#include <utility>

#include "admin/config_check.hpp"
#include "admin/version.hpp"
#include "base/log.hpp"

namespace parley {
namespace {

// The addresses that are really open: those of a role that the node does not have are not.
std::vector<std::pair<std::string, std::string>> open_listeners(const admin::Config& config,
                                                                const NodeProcess& process) {
    const auto endpoints = process.endpoints();
    std::vector<std::pair<std::string, std::string>> out;
    for (const auto& [name, addresses] : admin::all_listeners(config))
        for (const auto& address : *addresses) {
            const net::Endpoint endpoint{address.address, address.port};
            if (std::find(endpoints.begin(), endpoints.end(), endpoint) != endpoints.end())
                out.emplace_back(name, address.to_string());
        }
    return out;
}

}  // namespace

RunningNode::RunningNode(admin::Config config, NodeProcess& process)
    : config_(std::move(config)), process_(process), started_(clock_.now()) {}

std::vector<std::string> RunningNode::domains() const {
    std::vector<std::string> out;
    for (const auto& domain : config_.domains) out.push_back(domain.name);
    return out;
}

admin::NodeStatus RunningNode::status() const {
    admin::NodeStatus status;
    status.version = admin::version;
    status.node_name = config_.node_name;
    status.pid = ::getpid();
    status.uptime_seconds = std::chrono::duration_cast<Seconds>(clock_.now() - started_).count();
    status.domains = domains();
    status.listeners = open_listeners(config_, process_);
    const auto totals = process_.totals();
    const auto count = [&](const char* name, std::uint64_t value) {
        status.counters.emplace_back(name, static_cast<std::int64_t>(value));
    };
    count("sessions", totals.sessions);
    count("logins", totals.logins);
    count("refused", totals.login_failures);
    count("messages", totals.messages);
    count("stored", totals.stored);
    count("bounced", totals.bounced);
    count("unheard", totals.unheard);
    status.notices = process_.notices();
    return status;
}

admin::ReloadReport RunningNode::reload() {
    auto loaded = admin::load_config(config_.file, clock_.wall());
    admin::ReloadReport report;
    const bool usable = loaded.ok();
    report.problems = std::move(loaded.problems);
    if (!usable) return report;
    auto& fresh = loaded.config;
    for (auto& change : admin::difference(config_, fresh))
        (change.needs_restart ? report.restart : report.live).push_back(std::move(change.key));
    // What waits for a restart keeps its old value until then: the status must not show ports that are not open.
    auto next = config_;
    next.domains = fresh.domains;
    std::erase_if(next.domains,
                  [&](const admin::LocalDomain& domain) { return config_.domain(domain.name) == nullptr; });
    for (const auto& domain : config_.domains)
        if (fresh.domain(domain.name) == nullptr) next.domains.push_back(domain);
    next.trust_file = fresh.trust_file;
    next.trust_system = fresh.trust_system;
    next.log_level = fresh.log_level;
    next.limits = fresh.limits;
    next.contacts = fresh.contacts;
    next.posh = fresh.posh;
    next.disclose_reasons = fresh.disclose_reasons;
    next.third_party_decisions_count = fresh.third_party_decisions_count;
    if (const auto applied = process_.reload(next); !applied) {
        report.failure = applied.error().detail;
        report.live.clear();
        report.restart.clear();
        return report;
    }
    config_ = std::move(next);
    set_log_level(config_.log_level);
    reopen_log();
    report.applied = true;
    return report;
}

void RunningNode::end_sessions(const xmpp::Jid& user, Ended) {
    process_.end_sessions(user);
}
void RunningNode::user_policy(const xmpp::Jid& user, Function<void(Result<im::UserPolicy>)> done) {
    process_.user_policy(user, std::move(done));
}
void RunningNode::change_user_policy(const xmpp::Jid& user, im::PolicyChange change, Function<void(Result<>)> done) {
    process_.change_user_policy(user, std::move(change), std::move(done));
}
void RunningNode::look(const admin::Look& look, Function<void(admin::Report)> done) {
    process_.look(look, std::move(done));
}
void RunningNode::policy_changed(const im::FederationPolicy& policy) {
    process_.policy_changed(policy);
}

std::string RunningNode::ready_line() const {
    std::string line = "parleyd ready:";
    for (const auto& domain : config_.domains) line.append(1, ' ').append(domain.name);
    for (const auto& [name, address] : open_listeners(config_, process_))
        line.append(1, ' ').append(name).append(1, ' ').append(address);
    return line;
}

std::string RunningNode::describe(const admin::Response& response, admin::Language language) const {
    std::string out;
    if (const auto* report = std::get_if<admin::ReloadReport>(&response.payload)) {
        out += render(report->problems, config_.file.string(), language);
        if (!report->failure.empty()) out += report->failure + "\n";
        for (const auto& key : report->live) out += admin::Message{"reload.applied", {key}}.in(language) + "\n";
        for (const auto& key : report->restart)
            out += admin::Message{"reload.needs-restart", {key}}.in(language) + "\n";
    }
    return out + response.text(language) + "\n";
}

}  // namespace parley
