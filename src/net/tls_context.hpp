#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"

struct ssl_ctx_st;

namespace parley::net {

struct TlsSettings {
    std::string certificate_file;  // PEM chain, leaf first; empty for a client without a certificate
    std::string key_file;
    std::string trust_file;  // PEM roots; empty: the system's
    bool trust_system = true;
    enum class PeerCertificate {
        none,
        ask
    } peer = PeerCertificate::ask;  // verified but never refused here: policy is the caller's
    std::vector<std::string> alpn;  // offered (client) or accepted (server)
};

// An OpenSSL context: TLS 1.2 and 1.3, ECDHE with AEAD only, no renegotiation, compression or early data. Immutable
// after load, so connections on all threads share it; a new certificate is a new context (reload), old connections keep
// theirs.
class TlsContext {
public:
    // Errors name the file and the cause: missing, unreadable, key does not match, expired.
    static Result<std::shared_ptr<TlsContext>> load(const TlsSettings& settings);
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    ssl_ctx_st* native() const { return context_; }
    bool covers(std::string_view domain)
        const;  // our own leaf names this domain (SAN dNSName or xmppAddr; wildcard by RFC 6125)
    const std::vector<std::string>& names() const { return names_; }

private:
    explicit TlsContext(ssl_ctx_st* context) : context_(context) {}
    ssl_ctx_st* context_;
    std::vector<std::string> names_;
    std::vector<std::string> alpn_;
};

}  // namespace parley::net
