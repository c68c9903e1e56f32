#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/executor.hpp"
#include "gateway/federation/links.hpp"
#include "gateway/federation/sip_domains.hpp"
#include "gateway/look_ups.hpp"
#include "net/connection.hpp"

namespace parley::gateway {

// The SIP side of a process: listeners, connections, and for each shard its SipDomains. A message that comes in by any
// connection goes to the shard of the local user it is for: by our own tag inside a dialog and in responses, by the To
// address otherwise. Build it before the shards' threads run or serve; destroy it after they have stopped.
class SipGateway {
public:
    SipGateway(net::Network& network, Random& random, SipSettingsSource settings, sip::CoreConfig config = {},
               Observers observers = {});
    ~SipGateway();

    // In the order of the shards' numbers. Slots are spread over the shards as cluster::LocalBus does.
    SipDomains& add_shard(SipDomains::Parts parts);
    // After the last add_shard(): loads the dialogs of each shard from its store. `ready` is called on the first
    // shard's thread when all are there; listen after it, so that no request of a known dialog finds it unknown.
    void start(Function<void(Result<>)> ready);
    // Connections are accepted on the first shard's thread. Errors: as Network::listen.
    Result<> listen(const net::Endpoint& endpoint, bool tls);
    std::vector<net::Endpoint> endpoints() const;
    void stop_listening() { listeners_.clear(); }
    // Closes the connections of a shard; on its thread.
    void shut_down(std::size_t shard);
    // What there is between us and a partner, of one shard; on its thread. "": message sessions with all partners.
    void describe(std::size_t shard, const std::string& domain, im::PartnerOverview& out) const;
    void retry(std::size_t shard, const std::string& domain) const;  // on its thread: nothing waits for it any longer
    std::size_t shards() const { return shards_.size(); }
    LookUps& look_ups() { return look_ups_; }

private:
    struct Shard;
    std::size_t shard_of(cluster::Slot slot) const { return slot * shards_.size() / cluster::slots; }
    std::size_t shard_for(const sip::Message& message) const;
    Shard* home_of(std::string_view domain) const;

    net::Network& network_;
    Random& random_;
    SipSettingsSource settings_;
    sip::CoreConfig config_;
    const Observers observers_;
    SharedRates rates_;
    LookUps look_ups_;
    std::vector<std::unique_ptr<Shard>> shards_;
    std::vector<std::unique_ptr<net::Listener>> listeners_;
    std::size_t next_ = 0;  // accepting shard's turn
};

}  // namespace parley::gateway
