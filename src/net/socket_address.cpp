#include "net/socket_address.hpp"

#include <arpa/inet.h>
#include <cstring>
#include <net/if.h>
#include <netinet/in.h>

namespace parley::net {

bool Endpoint::is_loopback() const {
    return address == "::1" || address.starts_with("127.");
}

std::string Endpoint::to_string() const {
    const auto port_text = std::to_string(port);
    return address.find(':') != std::string::npos ? "[" + address + "]:" + port_text : address + ":" + port_text;
}

std::optional<SocketAddress> to_socket_address(const Endpoint& endpoint) {
    SocketAddress out;
    in_addr v4{};
    if (::inet_pton(AF_INET, endpoint.address.c_str(), &v4) == 1) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_addr = v4;
        in.sin_port = htons(endpoint.port);
        std::memcpy(&out.storage, &in, sizeof in);
        out.size = sizeof in;
        return out;
    }
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(endpoint.port);
    auto text = endpoint.address;
    if (const auto percent = text.find('%'); percent != std::string::npos) {  // a link-local address with its zone
        in.sin6_scope_id = ::if_nametoindex(text.c_str() + percent + 1);
        if (in.sin6_scope_id == 0) return std::nullopt;
        text.resize(percent);
    }
    if (::inet_pton(AF_INET6, text.c_str(), &in.sin6_addr) != 1) return std::nullopt;
    std::memcpy(&out.storage, &in, sizeof in);
    out.size = sizeof in;
    return out;
}

Endpoint to_endpoint(const SocketAddress& address) {
    char text[INET6_ADDRSTRLEN] = {};
    if (address.family() == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, &address.storage, sizeof in);
        ::inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
        return {text, ntohs(in.sin_port)};
    }
    if (address.family() != AF_INET6) return {};
    sockaddr_in6 in{};
    std::memcpy(&in, &address.storage, sizeof in);
    if (IN6_IS_ADDR_V4MAPPED(&in.sin6_addr))
        ::inet_ntop(AF_INET, &in.sin6_addr.s6_addr[12], text, sizeof text);
    else
        ::inet_ntop(AF_INET6, &in.sin6_addr, text, sizeof text);
    return {text, ntohs(in.sin6_port)};
}

}  // namespace parley::net
