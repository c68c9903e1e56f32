#pragma once

#include <optional>
#include <sys/socket.h>

#include "net/connection.hpp"

namespace parley::net {

// An Endpoint as the kernel takes it, and back. Internal to net.
struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = sizeof(sockaddr_storage);

    sockaddr* native() { return reinterpret_cast<sockaddr*>(&storage); }
    const sockaddr* native() const { return reinterpret_cast<const sockaddr*>(&storage); }
    int family() const { return storage.ss_family; }
};

std::optional<SocketAddress> to_socket_address(const Endpoint& endpoint);  // nothing when the address is not numeric
Endpoint to_endpoint(const SocketAddress& address);                        // an IPv4-mapped IPv6 address becomes IPv4

}  // namespace parley::net
