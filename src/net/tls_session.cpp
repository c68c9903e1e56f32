#include "net/tls_session.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "net/peer_certificate.hpp"
#include "net/socket_address.hpp"
#include "net/tls_verdict.hpp"

namespace parley::net {
namespace {

std::string openssl_reason() {
    const auto code = ERR_peek_last_error();
    const char* reason = ERR_reason_error_string(code);
    return reason != nullptr ? reason : "error " + std::to_string(code);
}

// What another call has left would be taken for the cause of the next one. Looking is much cheaper than clearing, and
// mostly there is nothing.
void forget_errors() {
    if (ERR_peek_error() != 0) ERR_clear_error();
    errno = 0;
}

}  // namespace

Result<std::unique_ptr<TlsSession>> TlsSession::create(int fd, std::shared_ptr<TlsContext> context,
                                                       Connection::TlsRole role, const std::string& server_name) {
    SSL* ssl = SSL_new(context->native());
    if (ssl == nullptr) return Error{Errc::closed, "TLS: " + openssl_reason()};
    std::unique_ptr<TlsSession> session(new TlsSession(ssl, std::move(context)));
    SSL_set_fd(ssl, fd);
    if (role == Connection::TlsRole::client) {
        SSL_set_connect_state(ssl);
        // RFC 6066 3: a numeric address is no server name.
        if (!server_name.empty() && !to_socket_address({server_name, 0}))
            SSL_set_tlsext_host_name(ssl, server_name.c_str());
    } else {
        SSL_set_accept_state(ssl);
        if (role == Connection::TlsRole::server_that_asks_nothing) SSL_set_verify(ssl, SSL_VERIFY_NONE, nullptr);
    }
    return session;
}

TlsSession::~TlsSession() {
    SSL_free(ssl_);
}

TlsSession::Io TlsSession::outcome_of(int result) {
    const auto cause = errno;
    switch (SSL_get_error(ssl_, result)) {
        case SSL_ERROR_NONE: return Io::done;
        case SSL_ERROR_WANT_READ: return Io::want_read;
        case SSL_ERROR_WANT_WRITE: return Io::want_write;
        case SSL_ERROR_ZERO_RETURN: return Io::end;
        case SSL_ERROR_SYSCALL: failure_ = cause == 0 ? "the peer closed the connection" : std::strerror(cause); break;
        default:
            // A FIN without close_notify: many peers do so; our protocols have their own end.
            if (ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
                ERR_clear_error();
                failure_ = "the peer closed the connection";
                return SSL_is_init_finished(ssl_) == 1 ? Io::end : Io::failed;
            }
            failure_ = "TLS: " + openssl_reason();
    }
    ERR_clear_error();
    return Io::failed;
}

TlsSession::Io TlsSession::handshake() {
    forget_errors();
    const auto result = SSL_do_handshake(ssl_);
    return result == 1 ? Io::done : outcome_of(result);
}

TlsSession::Outcome TlsSession::read(char* into, std::size_t size) {
    forget_errors();
    std::size_t bytes = 0;
    const auto result = SSL_read_ex(ssl_, into, size, &bytes);
    return result == 1 ? Outcome{Io::done, bytes} : Outcome{outcome_of(result)};
}

TlsSession::Outcome TlsSession::write(std::string_view text) {
    forget_errors();
    std::size_t bytes = 0;
    const auto result = SSL_write_ex(ssl_, text.data(), text.size(), &bytes);
    return result == 1 ? Outcome{Io::done, bytes} : Outcome{outcome_of(result)};
}

void TlsSession::send_close_notify() {
    if (SSL_is_init_finished(ssl_) == 0 || SSL_in_init(ssl_) != 0) return;
    ERR_clear_error();
    SSL_shutdown(ssl_);
    ERR_clear_error();
}

bool TlsSession::has_pending() const {
    return SSL_has_pending(ssl_) == 1;
}

TlsInfo TlsSession::info() const {
    TlsInfo out;
    out.protocol = SSL_get_version(ssl_);
    out.cipher = SSL_get_cipher_name(ssl_);
    if (const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name)) out.server_name = name;
    const unsigned char* alpn = nullptr;
    unsigned int alpn_size = 0;
    SSL_get0_alpn_selected(ssl_, &alpn, &alpn_size);
    if (alpn_size != 0) out.alpn.assign(reinterpret_cast<const char*>(alpn), alpn_size);
    if (X509* certificate = SSL_get0_peer_certificate(ssl_)) {
        out.peer = read_certificate(certificate);
        // What a client has sent comes without its own certificate, what a server has sent comes with it.
        const auto* sent = SSL_get_peer_cert_chain(ssl_);
        out.peer->chain = static_cast<std::size_t>(std::max(0, sk_X509_num(sent))) + (SSL_is_server(ssl_) == 1 ? 1 : 0);
        auto verdict = SSL_get_verify_result(ssl_);
        if (verdict == X509_V_OK) verdict = first_verify_error(ssl_);
        out.peer->trusted = verdict == X509_V_OK;
        if (verdict != X509_V_OK) out.peer->trust_error = X509_verify_cert_error_string(verdict);
        if (out.peer->trusted && !may_speak(certificate, SSL_is_server(ssl_) == 1)) {
            out.peer->trusted = false;
            out.peer->trust_error = "its key usage is not that of a server";
        }
    }
    return out;
}

std::vector<std::string> TlsSession::peer_certificates() const {
    std::vector<std::string> out;
    X509* leaf = SSL_get0_peer_certificate(ssl_);
    if (leaf == nullptr) return out;
    out.push_back(der_of(leaf));
    const auto* chain = SSL_get_peer_cert_chain(ssl_);
    // As client OpenSSL gives the peer's own certificate with the rest, as server without it.
    for (int i = SSL_is_server(ssl_) == 1 ? 0 : 1; i < sk_X509_num(chain); ++i)
        out.push_back(der_of(sk_X509_value(chain, i)));
    return out;
}

std::string TlsSession::channel_binding() const {
    // RFC 9266 3: below TLS 1.3 only with the extended master secret, which makes the exported value unique.
    if (SSL_version(ssl_) < TLS1_3_VERSION && SSL_get_extms_support(ssl_) != 1) return {};
    static constexpr std::string_view label = "EXPORTER-Channel-Binding";
    std::string out(32, '\0');
    if (SSL_export_keying_material(ssl_, reinterpret_cast<unsigned char*>(out.data()), out.size(), label.data(),
                                   label.size(), nullptr, 0, 0) != 1)
        return {};
    return out;
}

}  // namespace parley::net
