#include "bench/common/tls_socket.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

#include <openssl/err.h>

namespace parley::bench {
namespace {

SslContext make_context(const SSL_METHOD* method) {
    SslContext context(SSL_CTX_new(method));
    if (!context) throw std::runtime_error("no TLS context");
    SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(context.get(), "TLS_AES_256_GCM_SHA384");
    SSL_CTX_set1_groups_list(context.get(), "X25519");
    SSL_CTX_set_mode(context.get(),
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(context.get(), 1);  // one read(2) a record instead of two
    SSL_CTX_set_default_read_buffer_len(context.get(), 4096);
    return context;
}

}  // namespace

SslContext client_context() {
    auto context = make_context(TLS_client_method());
    static constexpr unsigned char protocols[] = "\x0bxmpp-client";  // XEP-0368 §3
    SSL_CTX_set_alpn_protos(context.get(), protocols, sizeof protocols - 1);
    return context;
}

namespace {

SslContext with_certificate(SslContext context, const std::string& certificate, const std::string& key) {
    if (SSL_CTX_use_certificate_chain_file(context.get(), certificate.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1)
        throw std::runtime_error("cannot use " + certificate + " with " + key);
    return context;
}

}  // namespace

SslContext sip_client_context(const std::string& certificate, const std::string& key) {
    return with_certificate(make_context(TLS_client_method()), certificate, key);
}

SslContext server_context(const std::string& certificate, const std::string& key) {
    return with_certificate(make_context(TLS_server_method()), certificate, key);
}

void TlsSocket::connect(std::uint16_t port) {
    close();
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "socket");
    const int one = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 && errno != EINPROGRESS)
        throw std::system_error(errno, std::generic_category(), "connect to port " + std::to_string(port));
}

void TlsSocket::adopt(int fd) {
    close();
    fd_ = fd;
    const int one = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

void TlsSocket::start_tls(SSL_CTX* context, bool server, const char* server_name) {
    ssl_.reset(SSL_new(context));
    if (!ssl_) throw std::bad_alloc();
    SSL_set_fd(ssl_.get(), fd_);
    if (server) {
        SSL_set_accept_state(ssl_.get());
    } else {
        SSL_set_connect_state(ssl_.get());
        SSL_set_tlsext_host_name(ssl_.get(), server_name);
    }
}

TlsSocket::Progress TlsSocket::handshake() {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    if (result == 1) return Progress::done;
    const int why = SSL_get_error(ssl_.get(), result);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? Progress::waiting : Progress::failed;
}

std::ptrdiff_t TlsSocket::read(std::span<char> into) {
    if (!ssl_) {
        const auto count = ::recv(fd_, into.data(), into.size(), 0);
        if (count > 0) return count;
        return count < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
    }
    ERR_clear_error();
    const int count = SSL_read(ssl_.get(), into.data(), static_cast<int>(into.size()));
    if (count > 0) return count;
    const int why = SSL_get_error(ssl_.get(), count);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

std::ptrdiff_t TlsSocket::write_some(std::string_view bytes) {
    if (!ssl_) {
        const auto count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count >= 0) return count;
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    }
    ERR_clear_error();
    const int count = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
    if (count > 0) return count;
    const int why = SSL_get_error(ssl_.get(), count);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

bool TlsSocket::write(std::string_view bytes) {
    if (fd_ < 0) return false;
    if (!unsent_.empty()) {
        unsent_.append(bytes);
        return flush();
    }
    while (!bytes.empty()) {
        const auto count = write_some(bytes);
        if (count < 0) return false;
        if (count == 0) break;
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    unsent_.assign(bytes);
    return true;
}

bool TlsSocket::flush() {
    std::size_t sent = 0;
    while (sent < unsent_.size()) {
        const auto count = write_some(std::string_view(unsent_).substr(sent));
        if (count < 0) return false;
        if (count == 0) break;
        sent += static_cast<std::size_t>(count);
    }
    unsent_.erase(0, sent);
    return true;
}

void TlsSocket::say_goodbye() {
    ERR_clear_error();
    if (ssl_ && SSL_is_init_finished(ssl_.get())) SSL_shutdown(ssl_.get());
}

void TlsSocket::close() {
    ssl_.reset();
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
    unsent_.clear();
}

}  // namespace parley::bench
