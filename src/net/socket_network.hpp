#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "net/connection.hpp"

namespace parley::net {

class Resolver;

struct DnsSettings {
    std::vector<std::string> servers{};  // "192.0.2.53" or "127.0.0.1@5353"; empty: those of /etc/resolv.conf
    std::string hosts_file{};            // like /etc/hosts; empty: none
    // Validates with these keys (DNSKEY or DS lines); empty: no validation, DnsAnswer::secure is false. The servers
    // must support DNSSEC then: with one that does not, nothing resolves.
    std::string trust_anchor_file{};
    std::vector<std::string> unsigned_domains{};  // what lies in these is never validated
    Millis timeout{3'000};                        // for one question, all servers and repeats together
};

// The real Network: sockets of the operating system, DNS by libunbound. Executors given to it must be EventLoops.
// May be called from any thread.
class SocketNetwork final : public Network {
public:
    explicit SocketNetwork(const DnsSettings& dns = {});
    ~SocketNetwork() override;  // before the EventLoops of the questions that are still open

    // An empty address means all of both families. Connections are accepted once the loop runs.
    Result<std::unique_ptr<Listener>> listen(Executor& executor, const Endpoint& endpoint, Accepted accepted) override;
    void connect(Executor& executor, const Endpoint& to, Millis timeout, Connected connected) override;
    void resolve_srv(Executor& executor, const std::string& name,
                     Function<void(Result<DnsAnswer<SrvRecord>>)> done) override;
    void resolve_host(Executor& executor, const std::string& name,
                      Function<void(Result<DnsAnswer<std::string>>)> done) override;
    void resolve_tlsa(Executor& executor, const std::string& name,
                      Function<void(Result<DnsAnswer<TlsaRecord>>)> done) override;

private:
    Resolver& resolver();

    DnsSettings dns_;
    std::mutex mutex_;
    std::unique_ptr<Resolver> resolver_;  // made at the first question: it has threads
};

}  // namespace parley::net
