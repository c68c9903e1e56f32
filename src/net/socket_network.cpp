#include "net/socket_network.hpp"

#include "net/listener.hpp"
#include "net/resolver.hpp"
#include "net/socket_connection.hpp"
#include "net/tlsa.hpp"

namespace parley::net {

SocketNetwork::SocketNetwork(const DnsSettings& dns) : dns_(dns) {}
SocketNetwork::~SocketNetwork() = default;

Result<std::unique_ptr<Listener>> SocketNetwork::listen(Executor& executor, const Endpoint& endpoint,
                                                        Accepted accepted) {
    return listen_on(event_loop_of(executor), endpoint, std::move(accepted));
}

void SocketNetwork::connect(Executor& executor, const Endpoint& to, Millis timeout, Connected connected) {
    connect_to(event_loop_of(executor), to, timeout, std::move(connected));
}

Resolver& SocketNetwork::resolver() {
    const std::lock_guard lock(mutex_);
    if (!resolver_) resolver_ = std::make_unique<Resolver>(dns_);
    return *resolver_;
}

void SocketNetwork::resolve_srv(Executor& executor, const std::string& name,
                                Function<void(Result<DnsAnswer<SrvRecord>>)> done) {
    resolver().srv(executor, name, std::move(done));
}

void SocketNetwork::resolve_host(Executor& executor, const std::string& name,
                                 Function<void(Result<DnsAnswer<std::string>>)> done) {
    resolver().host(executor, name, std::move(done));
}

void SocketNetwork::resolve_tlsa(Executor& executor, const std::string& name,
                                 Function<void(Result<DnsAnswer<TlsaRecord>>)> done) {
    resolver().tlsa(executor, name, std::move(done));
}

}  // namespace parley::net
