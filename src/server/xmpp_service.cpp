#include "server/xmpp_service.hpp"

#include "server/shard.hpp"

namespace parley::server {

Result<> XmppService::listen_c2s(const net::Endpoint& endpoint, bool direct_tls) {
    auto& executor = node_.shards.front()->executor();
    auto listener =
        node_.network.listen(executor, endpoint, [this, direct_tls](std::unique_ptr<net::Connection> connection) {
            accepted(std::move(connection), direct_tls);
        });
    if (!listener) return listener.error();
    listeners_.push_back(*std::move(listener));
    return {};
}

void XmppService::accepted(std::unique_ptr<net::Connection> connection, bool direct_tls) {
    auto place = addresses_->enter(connection->remote(), node_.settings.get()->limits);
    if (!place) {
        node_.shards.front()->refusal_log.refused(
            "a connection", connection->remote(), "too many", "the address has as many as it may",
            "The limits are unauthenticated_per_address and connections_per_address");
        return connection->abort();
    }
    auto& shard = *node_.shards[next_shard_++ % node_.shards.size()];
    if (shard.executor().in_this_thread()) return shard.accept(std::move(connection), direct_tls, *std::move(place));
    auto* raw = connection.get();
    raw->move_to(shard.executor(),
                 [&shard, connection = std::move(connection), direct_tls, place = *std::move(place)]() mutable {
                     shard.accept(std::move(connection), direct_tls, std::move(place));
                 });
}

std::vector<net::Endpoint> XmppService::endpoints() const {
    std::vector<net::Endpoint> all;
    for (const auto& listener : listeners_) all.push_back(listener->local());
    return all;
}

}  // namespace parley::server
