#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/connection.hpp"
#include "net/tls_context.hpp"

struct ssl_st;

namespace parley::net {

// One TLS session on a non-blocking socket that it does not own. Internal to net. OpenSSL reads and writes the socket
// itself and gives its buffers back when they are empty, which is what keeps an idle session small.
class TlsSession {
public:
    enum class Io { done, want_read, want_write, end, failed };  // end: the peer's close_notify or FIN
    struct Outcome {
        Io io;
        std::size_t bytes = 0;
    };

    static Result<std::unique_ptr<TlsSession>> create(int fd, std::shared_ptr<TlsContext> context,
                                                      Connection::TlsRole role, const std::string& server_name);
    ~TlsSession();
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;

    Io handshake();
    Outcome read(char* into, std::size_t size);
    Outcome write(std::string_view bytes);  // may take a part; after want_write give at least the same bytes again
    void send_close_notify();
    bool has_pending() const;  // read() may give bytes without the socket becoming readable
    const std::string& failure() const { return failure_; }  // after Io::failed

    TlsInfo info() const;                                // after the handshake
    std::vector<std::string> peer_certificates() const;  // DER, the peer's own first
    std::string channel_binding() const;

private:
    TlsSession(ssl_st* ssl, std::shared_ptr<TlsContext> context) : ssl_(ssl), context_(std::move(context)) {}
    Io outcome_of(int result);

    ssl_st* ssl_;
    std::shared_ptr<TlsContext> context_;  // its callbacks are called through ssl_
    std::string failure_;
};

}  // namespace parley::net
