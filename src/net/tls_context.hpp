#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "net/connection.hpp"

struct ssl_ctx_st;

namespace parley::net {

struct TlsSettings {
    std::string certificate_file{};  // PEM chain, leaf first; empty for a client without a certificate
    std::string key_file{};          // PEM, without a pass phrase; empty: in certificate_file
    std::string trust_file{};        // PEM roots, besides the system's if `trust_system`
    bool trust_system = true;
    // Verified but never refused here: policy is the caller's, by PeerCertificate::trusted.
    enum class PeerCertificate { none, ask } peer = PeerCertificate::ask;
    std::vector<std::string>
        alpn{};  // offered (client) or accepted (server, which refuses those who offer only others)
    // COMPAT(OCS 2007, LCS): also TLS 1.0 and 1.1, RSA key exchange with AES-CBC, small keys and SHA-1 in certificates.
    // For connections with partners that cannot do better, and for nobody else.
    bool legacy = false;
    bool check_dates = true;  // false loads a certificate outside its dates: for tests of what peers make of it
};

// An OpenSSL context: TLS 1.2 and 1.3 (and older ones if `legacy`), ECDHE with AEAD only, no renegotiation, compression
// or early data. Immutable after load, so connections on all threads share it; a new certificate is a new context
// (reload), old connections keep theirs.
class TlsContext {
public:
    // Errors name the file and the cause: missing, unreadable, key does not match, expired.
    static Result<std::shared_ptr<TlsContext>> load(const TlsSettings& settings);
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    // As server: which context answers this SNI (lower case); nullptr or an empty name: this one. For ports on which
    // TLS comes before the domain is known. Set before the first connection; called on the connections' threads. The
    // answer lends certificate and key only: what a peer is asked for stays with this one.
    using ByServerName = std::function<std::shared_ptr<TlsContext>(const std::string& server_name)>;
    void set_by_server_name(ByServerName choose) { choose_ = std::move(choose); }

    ssl_ctx_st* native() const { return context_; }
    // Our own leaf names this domain (SAN dNSName or xmppAddr; wildcard by RFC 6125).
    bool covers(std::string_view domain) const;
    const std::vector<std::string>& names() const { return names_; }  // SAN dNSName and xmppAddr of our own leaf
    bool has_rsa_key() const;                                         // which RSA key exchange needs
    bool is_self_signed() const;
    bool for_clients() const;  // its key usage allows it to be shown to a server that we connect to
    TimePoint expires() const { return own_.valid_until; }  // of our own leaf; epoch without one
    std::string issuer() const;  // its name, for people: "CN=..., O=..."; empty without a leaf
    const std::string& sha256() const { return own_.sha256; }  // its fingerprint, 64 hex digits

    // For OpenSSL's callbacks.
    const std::vector<std::string>& alpn() const { return alpn_; }
    const ByServerName& by_server_name() const { return choose_; }

private:
    explicit TlsContext(ssl_ctx_st* context) : context_(context) {}
    Result<> use_certificate(const TlsSettings& settings);
    Result<> use_trust(const TlsSettings& settings);

    ssl_ctx_st* context_;
    std::vector<std::string> names_;
    std::vector<std::string> alpn_;
    ByServerName choose_;
    net::PeerCertificate own_;
};

}  // namespace parley::net
