#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/connection.hpp"
#include "net/tlsa.hpp"

namespace parley::test {

// A Network without sockets: a whole federation in one thread. Works with any Executor of that thread, usually a
// FakeExecutor. One MemoryNetwork is one host with its address; hosts of one world reach each other and share its DNS.
//
//   FakeExecutor executor;
//   MemoryNetwork ours;                                   // a world, and in it 10.0.0.1
//   MemoryNetwork partner{ours, "10.0.0.2"};              // another host of the same world
//   ours.dns().srv["_xmpp-server._tcp.example.net"] = {{0, 0, 5269, "xmpp.example.net"}};
//   ours.dns().host["xmpp.example.net"] = {"10.0.0.2"};
//   partner.set_certificate(certificate_for("example.net"));
//   ... listen, connect ...; executor.run_until_idle();
//
// "TLS" is an exchange of two markers: after start_tls on both ends both are secured, and each sees the certificate
// that the other host has been given. Bytes sent in clear into a handshake break it, as in life.
class MemoryNetwork final : public net::Network {
public:
    struct Dns {
        std::map<std::string, std::vector<net::SrvRecord>> srv;  // a name that is not here does not exist
        std::map<std::string, std::vector<std::string>> host;
        std::map<std::string, std::vector<net::TlsaRecord>> tlsa;
        std::map<std::string, Error> failing;  // answers with this error, at once
        std::map<std::string, bool> silent;    // Errc::timed_out after 3 s
        std::map<std::string, bool> secure;    // DnsAnswer::secure
        std::vector<std::string> asked;        // "SRV _xmpp-server._tcp.example.net", in order
    };

    explicit MemoryNetwork(std::string address = "10.0.0.1");
    MemoryNetwork(MemoryNetwork& same_world, std::string address);
    ~MemoryNetwork() override;

    Dns& dns();  // of the world
    // What this host shows in handshakes, also as a client; nothing: no certificate (only clients may do so in life).
    void set_certificate(std::optional<net::PeerCertificate> certificate);
    // The same for one context that is given to start_tls, before the host's own.
    void set_certificate(const net::TlsContext* context, net::PeerCertificate certificate);

    // The certificates themselves, in DER, that go with what this host shows; at first none.
    void set_certificates_shown(std::vector<std::string> der);

    void set_protocol(const std::string& protocol);  // what all handshakes of the world agree on; "TLSv1.3" at first

    // The world's faults.
    void set_chunk(std::size_t bytes);  // deliver at most so many bytes at once; 0: as they come
    void set_black_hole(const std::string& address,
                        bool on);                             // packets to and from this host vanish; connects time out
    void reset_connections(const std::string& address = {});  // of this host, or all: both ends see a reset
    std::size_t open_connections() const;
    bool listening(const net::Endpoint& endpoint) const;

    Result<std::unique_ptr<net::Listener>> listen(Executor& executor, const net::Endpoint& endpoint,
                                                  Accepted accepted) override;
    void connect(Executor& executor, const net::Endpoint& to, Millis timeout, Connected connected) override;
    void resolve_srv(Executor& executor, const std::string& name,
                     Function<void(Result<net::DnsAnswer<net::SrvRecord>>)> done) override;
    void resolve_host(Executor& executor, const std::string& name,
                      Function<void(Result<net::DnsAnswer<std::string>>)> done) override;
    void resolve_tlsa(Executor& executor, const std::string& name,
                      Function<void(Result<net::DnsAnswer<net::TlsaRecord>>)> done) override;

    struct World;
    struct Host;

private:
    std::shared_ptr<World> world_;
    std::shared_ptr<Host> host_;
};

// A trusted certificate whose dNSNames are the domain and sip.<domain>, and its xmppAddr the domain.
net::PeerCertificate certificate_for(const std::string& domain);

}  // namespace parley::test
