#pragma once

#include <memory>
#include <vector>

#include "net/connection.hpp"
#include "server/address_limits.hpp"
#include "server/node.hpp"

namespace parley::server {

// The listeners for clients: accepts on the first shard's thread and deals connections out to all shards in turn.
class XmppService {
public:
    explicit XmppService(Node& node) : node_(node) {}

    // Errors: as Network::listen.
    Result<> listen_c2s(const net::Endpoint& endpoint, bool direct_tls);
    void stop_listening() { listeners_.clear(); }
    std::vector<net::Endpoint> endpoints() const;

private:
    void accepted(std::unique_ptr<net::Connection> connection, bool direct_tls);

    Node& node_;
    std::vector<std::unique_ptr<net::Listener>> listeners_;
    std::shared_ptr<AddressLimits> addresses_ = std::make_shared<AddressLimits>();
    std::size_t next_shard_ = 0;
};

}  // namespace parley::server
