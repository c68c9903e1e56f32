#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/executor.hpp"

namespace parley::net {

struct Endpoint {
    std::string address;  // numeric, IPv4 or IPv6 without brackets
    std::uint16_t port = 0;
    bool is_loopback() const;
    std::string to_string() const;  // "192.0.2.1:5222", "[2001:db8::1]:5222"
    bool operator==(const Endpoint&) const = default;
};

class TlsContext;  // net/tls_context.hpp: certificate, trust, protocol bounds; shared by many connections

// What a finished handshake says of the peer. Names are taken from the certificate as it is: who is allowed what is
// decided by the caller (net/identity.hpp, partner settings), never here.
struct PeerCertificate {
    bool trusted = false;                 // the chain leads to a root of the context and all dates are valid
    std::string trust_error;              // why not, in OpenSSL's words
    std::string common_name;              // of the subject; only for messages and old peers
    std::vector<std::string> dns_names;   // SAN dNSName, as sent (may hold a wildcard)
    std::vector<std::string> srv_names;   // SAN id-on-dnsSRV, "_xmpp-server.example.com"
    std::vector<std::string> xmpp_addrs;  // SAN id-on-xmppAddr
    std::vector<std::string> uris;        // SAN uniformResourceIdentifier
    std::string sha256;                   // fingerprint, 64 hex digits
    std::string issuer;                   // its common name, or its organisation; for people
    TimePoint valid_from{}, valid_until{};
    std::size_t chain = 0;  // of a peer: how many certificates it has sent, its own included
};

struct TlsInfo {
    std::string protocol;  // "TLSv1.3"
    std::string cipher;
    std::string server_name;  // SNI: asked by us, or by the peer
    std::string alpn;
    std::optional<PeerCertificate> peer;
};

// A byte stream over TCP, plain or inside TLS. Lives on one Executor; every call and every callback is on its thread.
// Bytes are handed to the handler as they arrive; bytes to send are queued and written together at the end of the turn.
// The connection has one reader for life: timers close it, nothing races a read.
class Connection {
public:
    class Handler {
    public:
        virtual ~Handler() = default;
        virtual void on_bytes(std::string_view bytes) = 0;
        virtual void on_secured() {}  // start_tls is through; tls() is set
        virtual void on_drained() {}  // unsent() has come down to zero after pausing-size growth
        // Once, last of all. Also for our own close() and abort(). The handler may destroy itself and the connection.
        virtual void on_closed(const Error& why) = 0;
    };

    virtual ~Connection() = default;                 // aborts if still open; no callback after it
    virtual void set_handler(Handler* handler) = 0;  // not owned; bytes flow once it is set
    virtual void send(std::string_view bytes) = 0;   // before on_secured() during a handshake: queued behind it
    virtual std::size_t unsent() const = 0;          // bytes queued by send() that the kernel has not taken
    virtual void pause_reading(bool paused) = 0;     // stops reading the socket: the peer feels back-pressure
    // Bytes that came before the peer's first TLS record are discarded by the caller (STARTTLS, RFC 6120 5.4.3.3).
    // As client, `server_name` is sent as SNI. Hand-shake time-out is the caller's (close() it).
    // `server_that_asks_nothing`: without a request for the client's certificate, which some peers cannot bear.
    enum class TlsRole { client, server, server_that_asks_nothing };
    virtual void start_tls(std::shared_ptr<TlsContext> context, TlsRole role, std::string server_name = {}) = 0;
    virtual void close() = 0;  // sends what is queued (bounded by a few seconds), then TLS close_notify, FIN
    virtual void abort() = 0;  // now

    virtual const Endpoint& remote() const = 0;
    virtual const Endpoint& local() const = 0;
    virtual const TlsInfo* tls() const = 0;  // nullptr while plain
    // All that the peer has shown, in DER, its own first; empty when it showed none. Made anew at each call.
    virtual std::vector<std::string> peer_certificates() const = 0;
    // RFC 9266 tls-exporter (32 raw bytes); empty unless TLS 1.3 (or 1.2 with extended master secret).
    virtual std::string channel_binding() const = 0;
    virtual Executor& executor() const = 0;
    // Moves the open connection to another executor's thread (after binding, to the user's shard), at a quiet point:
    // called on the old thread, it stops all work there, then `arrived` runs on the new one and bytes flow again after
    // it. The handler stays the same object and must not be called or touched on the old thread after this.
    virtual void move_to(Executor& executor, Function<void()> arrived) = 0;
};

class Listener {
public:
    virtual ~Listener() = default;  // stops accepting; accepted connections live on
    virtual Endpoint local() const = 0;
};

struct SrvRecord {
    std::uint16_t priority = 0, weight = 0, port = 0;
    std::string target;  // without the trailing dot; "." alone means: service decidedly absent (RFC 2782)
    bool operator==(const SrvRecord&) const = default;
};

struct TlsaRecord;  // net/tlsa.hpp

template <class T>
struct DnsAnswer {
    std::vector<T> records;  // empty: the name or the type does not exist
    bool secure = false;     // validated by DNSSEC
    Seconds ttl{0};
    std::string alias_of{};  // the name behind the asked one, where that is an alias (CNAME)
};

// Everything the server may ask of the outside. SocketNetwork is the real one (net/socket_network.hpp); tests have one
// in memory, so that a whole federation can run in one thread. Callbacks come on the executor given at the call.
class Network {
public:
    virtual ~Network() = default;
    using Accepted = Function<void(std::unique_ptr<Connection>)>;
    // Binds now, so that a port in use is an error at start (`detail` names address, port and cause).
    virtual Result<std::unique_ptr<Listener>> listen(Executor& executor, const Endpoint& endpoint,
                                                     Accepted accepted) = 0;
    using Connected = Function<void(Result<std::unique_ptr<Connection>>)>;
    virtual void connect(Executor& executor, const Endpoint& to, Millis timeout, Connected connected) = 0;
    // `name` as in "_xmpp-server._tcp.example.com". A resolver that does not answer in 3 s is Errc::timed_out, an
    // answer that DNSSEC shows to be false ("bogus", RFC 4035 4.3) Errc::forbidden.
    virtual void resolve_srv(Executor& executor, const std::string& name,
                             Function<void(Result<DnsAnswer<SrvRecord>>)> done) = 0;
    // A and AAAA together, numeric addresses; a numeric name answers itself.
    virtual void resolve_host(Executor& executor, const std::string& name,
                              Function<void(Result<DnsAnswer<std::string>>)> done) = 0;
    // `name` as in "_5269._tcp.xmpp.example.com"; records of every kind, also those that nobody can use.
    virtual void resolve_tlsa(Executor& executor, const std::string& name,
                              Function<void(Result<DnsAnswer<TlsaRecord>>)> done) = 0;
};

}  // namespace parley::net
