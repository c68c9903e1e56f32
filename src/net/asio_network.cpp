#include "net/asio_network.hpp"

#include "net/listener.hpp"
#include "net/socket_connection.hpp"

namespace parley::net {

struct AsioNetwork::Dns {};

AsioNetwork::AsioNetwork(const DnsSettings&) {}
AsioNetwork::~AsioNetwork() = default;

Result<std::unique_ptr<Listener>> AsioNetwork::listen(Executor& executor, const Endpoint& endpoint, Accepted accepted) {
    return listen_on(event_loop_of(executor), endpoint, std::move(accepted));
}

void AsioNetwork::connect(Executor& executor, const Endpoint& to, Millis timeout, Connected connected) {
    connect_to(event_loop_of(executor), to, timeout, std::move(connected));
}

void AsioNetwork::resolve_srv(Executor& executor, const std::string&,
                              Function<void(Result<DnsAnswer<SrvRecord>>)> done) {
    executor.post([done = std::move(done)] { done(DnsAnswer<SrvRecord>{}); });
}

void AsioNetwork::resolve_host(Executor& executor, const std::string& name,
                               Function<void(Result<DnsAnswer<std::string>>)> done) {
    DnsAnswer<std::string> answer;
    if (to_socket_address({name, 0})) answer.records.push_back(name);
    executor.post([done = std::move(done), answer] { done(answer); });
}

}  // namespace parley::net
