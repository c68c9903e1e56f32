#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <openssl/ssl.h>

namespace parley::bench {

struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslContext = std::unique_ptr<SSL_CTX, FreeSsl>;

// TLS 1.3 with one cipher and one group, so that every server under test does the same cryptography. Tickets are not
// used: each log-in is a full handshake. Throws std::runtime_error on unreadable files.
SslContext client_context();
// With a certificate of our own, and no ALPN.
SslContext sip_client_context(const std::string& certificate, const std::string& key);
SslContext server_context(const std::string& certificate, const std::string& key);

// A non-blocking socket, plain at first, that may become TLS. Owns the descriptor. One thread.
class TlsSocket {
public:
    enum class Progress { done, waiting, failed };

    TlsSocket() = default;
    ~TlsSocket() { close(); }
    TlsSocket(const TlsSocket&) = delete;
    TlsSocket& operator=(const TlsSocket&) = delete;

    void connect(std::uint16_t port);  // to 127.0.0.1
    void adopt(int fd);                // an accepted, non-blocking socket
    void start_tls(SSL_CTX* context, bool server, const char* server_name);
    Progress handshake();

    // Bytes read, 0 if nothing is there now, -1 if the peer is gone.
    std::ptrdiff_t read(std::span<char> into);
    // True if bytes may wait in user space, where epoll does not see them.
    bool has_buffered() const { return ssl_ && SSL_has_pending(ssl_.get()) != 0; }
    // Writes at once what the kernel takes and keeps the rest for flush(). False if the peer is gone.
    bool write(std::string_view bytes);
    bool flush();
    bool wants_write() const { return !unsent_.empty(); }
    void say_goodbye();  // TLS close_notify
    void close();
    int fd() const { return fd_; }

private:
    std::ptrdiff_t write_some(std::string_view bytes);

    int fd_ = -1;
    std::unique_ptr<SSL, FreeSsl> ssl_;
    std::string unsent_;
};

}  // namespace parley::bench
