#include "net/asio_network.hpp"

#include "net/listener.hpp"
#include "net/resolver.hpp"
#include "net/socket_connection.hpp"

namespace parley::net {

AsioNetwork::AsioNetwork(const DnsSettings& dns) : dns_(dns) {}
AsioNetwork::~AsioNetwork() = default;

Result<std::unique_ptr<Listener>> AsioNetwork::listen(Executor& executor, const Endpoint& endpoint, Accepted accepted) {
    return listen_on(event_loop_of(executor), endpoint, std::move(accepted));
}

void AsioNetwork::connect(Executor& executor, const Endpoint& to, Millis timeout, Connected connected) {
    connect_to(event_loop_of(executor), to, timeout, std::move(connected));
}

Resolver& AsioNetwork::resolver() {
    const std::lock_guard lock(mutex_);
    if (!resolver_) resolver_ = std::make_unique<Resolver>(dns_);
    return *resolver_;
}

void AsioNetwork::resolve_srv(Executor& executor, const std::string& name,
                              Function<void(Result<DnsAnswer<SrvRecord>>)> done) {
    resolver().srv(executor, name, std::move(done));
}

void AsioNetwork::resolve_host(Executor& executor, const std::string& name,
                               Function<void(Result<DnsAnswer<std::string>>)> done) {
    resolver().host(executor, name, std::move(done));
}

}  // namespace parley::net
