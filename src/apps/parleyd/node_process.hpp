#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "admin/config.hpp"
#include "admin/control.hpp"
#include "apps/parleyd/look/parts.hpp"
#include "gateway/sip_gateway.hpp"
#include "net/event_loop.hpp"
#include "net/socket_network.hpp"
#include "server/node.hpp"
#include "server/s2s/posh.hpp"
#include "server/s2s/xmpp_federation.hpp"
#include "server/shard.hpp"
#include "server/transport_finder.hpp"
#include "server/xmpp_service.hpp"
#include "storage/sqlite/engine.hpp"

namespace parley {

// One running node: the store, a thread a shard, the services, introduced to each other. The main loop (signals,
// administration) is a thread of its own and belongs to the caller.
class NodeProcess {
public:
    // Opens everything that the configuration names. On an error nothing is left running; `detail` is one sentence for
    // people.
    static Result<std::unique_ptr<NodeProcess>> start(const admin::Config& config, net::EventLoop& main);
    ~NodeProcess();  // stops: streams are told, threads joined, the store finished

    storage::sqlite::Engine& engine() { return *engine_; }
    // New certificates, limits and domains for what begins from now on. All or nothing.
    Result<> reload(const admin::Config& config);
    void policy_changed(const im::FederationPolicy& policy);
    void retry(const std::string& domain);
    void end_sessions(const xmpp::Jid& user);
    // A user's own policy, on the user's shard; `done` on the main executor.
    void user_policy(const xmpp::Jid& user, Function<void(Result<im::UserPolicy>)> done);
    void change_user_policy(const xmpp::Jid& user, im::PolicyChange change, Function<void(Result<>)> done);
    // For the audit log: a message of somebody blocked was dropped. On the main thread.
    std::function<void(const xmpp::Jid& user, const xmpp::Jid& sender)> on_unheard;
    std::vector<net::Endpoint> endpoints() const { return xmpp_.endpoints(); }
    struct Totals {
        std::uint64_t sessions = 0, logins = 0, login_failures = 0, messages = 0, stored = 0, bounced = 0, unheard = 0;
    };
    Totals totals() const;
    // A look at partners or at DNS; `done` on the main executor. On the main thread.
    void look(const admin::Look& look, Function<void(admin::Report)> done);
    admin::Report notices() const;
    im::Tracer& tracer() { return node_.tracer; }
    void trace_started();  // on the main thread: traces end when their time is over

private:
    NodeProcess(const admin::Config& config, Executor& main);
    Result<> open(const admin::Config& config);
    Result<> listen(const admin::Config& config);
    Result<std::shared_ptr<server::Settings>> settings_from(const admin::Config& config) const;
    Result<std::shared_ptr<net::TlsContext>> sip_inbound_from(const admin::Config& config, bool legacy) const;
    Result<> make_legacy_tls();
    void log_notices() const;
    void note_rules(const im::FederationPolicy& before, const im::FederationPolicy& after);
    void load_history();
    void save_history();
    look::Parts look_parts() const;
    void overview(const std::string& domain, Function<void(im::PartnerOverview)> done) const;
    void explain(const xmpp::Jid& watcher, const xmpp::Jid& target, Function<void(admin::Report)> done);
    server::Shard& home_of(const xmpp::Jid& user) const;
    // From any thread: what is in force for all services is the given value, with what DNS has decided of its policy.
    void use(std::shared_ptr<const server::Settings> settings);
    void publish();
    std::shared_ptr<const server::Settings> as_configured() const;
    std::shared_ptr<const gateway::SipSettings> sip_settings() const;

    SystemRandom random_;
    std::unique_ptr<storage::sqlite::Engine> engine_;
    std::vector<std::unique_ptr<net::EventLoop>> loops_;
    std::unique_ptr<net::SocketNetwork> network_;
    server::Node node_;
    std::vector<std::unique_ptr<server::Shard>> shards_;
    server::XmppService xmpp_;
    std::unique_ptr<server::XmppFederation> federation_;
    std::shared_ptr<const admin::Config> config_;  // of the main thread
    Executor& main_;
    mutable std::mutex settings_mutex_;
    std::shared_ptr<const server::Settings> configured_ = std::make_shared<server::Settings>();
    std::shared_ptr<const gateway::SipSettings> sip_settings_ = std::make_shared<gateway::SipSettings>();
    std::shared_ptr<net::TlsContext> sip_inbound_tls_, legacy_inbound_;
    std::map<std::string, std::shared_ptr<net::TlsContext>, std::less<>> legacy_domains_;
    std::unique_ptr<server::TransportFinder> transports_;
    std::unique_ptr<server::PoshDocuments> posh_;
    std::unique_ptr<gateway::SipGateway> sip_;
    std::unique_ptr<storage::Stores> main_stores_;  // of the main thread
    Timer trace_timer_, history_timer_;
};

}  // namespace parley
