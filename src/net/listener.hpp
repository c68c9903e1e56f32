#pragma once

#include "net/connection.hpp"
#include "net/event_loop.hpp"

namespace parley::net {

// Internal to net; SocketNetwork::listen and ::connect say what they do.
Result<std::unique_ptr<Listener>> listen_on(EventLoop& loop, const Endpoint& endpoint, Network::Accepted accepted);
void connect_to(EventLoop& loop, const Endpoint& to, Millis timeout, Network::Connected connected);

}  // namespace parley::net
