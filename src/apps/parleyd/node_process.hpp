#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "admin/config.hpp"
#include "admin/control.hpp"
#include "gateway/sip_gateway.hpp"
#include "net/event_loop.hpp"
#include "net/socket_network.hpp"
#include "server/node.hpp"
#include "server/s2s/xmpp_federation.hpp"
#include "server/shard.hpp"
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
    void end_sessions(const xmpp::Jid& user);
    std::vector<net::Endpoint> endpoints() const { return xmpp_.endpoints(); }
    struct Totals {
        std::uint64_t sessions = 0, logins = 0, login_failures = 0, messages = 0, stored = 0, bounced = 0;
    };
    Totals totals() const;

private:
    explicit NodeProcess(const admin::Config& config);
    Result<> open(const admin::Config& config, net::EventLoop& main);
    Result<> listen(const admin::Config& config);
    Result<std::shared_ptr<server::Settings>> settings_from(const admin::Config& config) const;
    Result<std::shared_ptr<net::TlsContext>> sip_inbound_from(const admin::Config& config) const;
    void use(std::shared_ptr<const server::Settings> settings);  // for all services
    std::shared_ptr<const gateway::SipSettings> sip_settings() const;

    SystemRandom random_;
    std::unique_ptr<storage::sqlite::Engine> engine_;
    std::vector<std::unique_ptr<net::EventLoop>> loops_;
    std::unique_ptr<net::SocketNetwork> network_;
    server::Node node_;
    std::vector<std::unique_ptr<server::Shard>> shards_;
    server::XmppService xmpp_;
    std::unique_ptr<server::XmppFederation> federation_;
    mutable std::mutex sip_settings_mutex_;
    std::shared_ptr<const gateway::SipSettings> sip_settings_ = std::make_shared<gateway::SipSettings>();
    std::shared_ptr<net::TlsContext> sip_inbound_tls_;
    std::unique_ptr<gateway::SipGateway> sip_;
};

}  // namespace parley
