#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gateway/sip_gateway.hpp"
#include "im/roster.hpp"
#include "server/node.hpp"
#include "server/s2s/xmpp_federation.hpp"
#include "server/shard.hpp"
#include "server/xmpp_service.hpp"
#include "storage/sqlite/engine.hpp"
#include "tests/scenario/faulty_stores.hpp"
#include "tests/support/fake_executor.hpp"
#include "tests/support/memory_network.hpp"
#include "tests/support/temporary_folder.hpp"

namespace parley::test {

// The whole server in one process, as parleyd puts it together, but on a clock, a network and a disk that the test
// holds: time stands still, "TLS" is a pair of markers, each write is committed at once. What partners and clients do
// happens on `executor`.
//
//   World world(2);                               // shards
//   world.local_domains = {"example.com"};        // and rules, accounts, rosters
//   world.start();
//   ... connect to 10.0.0.1:5222 (clients), :5269 (servers), :5060 (SIP) ...
//   world.stop(World::End::crash); world.start(); // what is on disk is all that is left
class World {
public:
    enum class End { orderly, crash };

    explicit World(std::size_t shards) : shard_count_(shards) {}
    ~World() { stop(End::orderly); }
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    void start();  // throws std::runtime_error when the server does not start
    void stop(End end);
    bool running() const { return engine_ != nullptr; }

    // Before start(); the accounts' password is their localpart.
    std::vector<std::string> local_domains;
    im::FederationPolicy policy;
    Limits limits;
    std::vector<xmpp::Jid> accounts;
    std::map<xmpp::Jid, im::Roster> rosters;
    std::map<xmpp::Jid, im::PolicyChange> policies;
    bool third_party_decisions_count = false;

    // Once it runs.
    std::uint64_t limit_hits() const;
    StoreFaults faults;

    FakeExecutor executor;
    MemoryNetwork network;

private:
    void fill_store();

    std::size_t shard_count_;
    SeededRandom random_{7};
    TemporaryFolder folder_;
    std::vector<std::unique_ptr<FakeExecutor>> executors_;
    std::unique_ptr<storage::sqlite::Engine> engine_;
    std::unique_ptr<server::Node> node_;
    std::vector<std::unique_ptr<server::Shard>> shards_;
    std::unique_ptr<server::XmppService> xmpp_;
    std::unique_ptr<server::XmppFederation> federation_;
    std::unique_ptr<gateway::SipGateway> sip_;
    std::shared_ptr<const gateway::SipSettings> sip_settings_;
    bool filled_ = false;
};

}  // namespace parley::test
