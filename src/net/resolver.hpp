#pragma once

#include <memory>
#include <optional>
#include <string>

#include "net/connection.hpp"
#include "net/socket_network.hpp"

namespace parley::net {

// DNS by libunbound: caching, with a deadline of its own. Names may be IDNs (U-labels): they are asked as A-labels.
// Callbacks are posted to the executor of the question; may be called from any thread. Internal to net: SocketNetwork
// is its face.
class Resolver {
public:
    explicit Resolver(const DnsSettings& settings);
    ~Resolver();  // open questions are not answered any more
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;

    void srv(Executor& executor, const std::string& name, Function<void(Result<DnsAnswer<SrvRecord>>)> done);
    void host(Executor& executor, const std::string& name, Function<void(Result<DnsAnswer<std::string>>)> done);
    void tlsa(Executor& executor, const std::string& name, Function<void(Result<DnsAnswer<TlsaRecord>>)> done);

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

// RDATA of an SRV record; nothing when it is malformed or its target is no host name.
std::optional<SrvRecord> parse_srv(std::string_view rdata);

}  // namespace parley::net
