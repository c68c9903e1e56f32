#include "net/listener.hpp"

#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/loop_io.hpp"
#include "net/socket_connection.hpp"

namespace parley::net {
namespace {

constexpr Millis pause_after_exhaustion{200};  // no descriptors left: some session must end first
constexpr int accepts_a_turn = 64;

// A peer's host that takes nothing for so long is gone. The kernel alone would repeat its segments for a quarter of an
// hour.
constexpr unsigned patience_ms = 60'000;

void prepare(int fd) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // we batch by ourselves
    ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof patience_ms);
}

// Shared by the Listener (which may be destroyed on any thread) and the loop.
class AcceptState final : public Pollable, public std::enable_shared_from_this<AcceptState> {
public:
    AcceptState(EventLoop& loop, int fd, Network::Accepted accepted)
        : loop_(loop), io_(loop.io()), fd_(fd), accepted_(std::move(accepted)) {}
    ~AcceptState() override { ::close(fd_); }

    void start() {
        if (!stopped_ && io_->alive) id_ = io_->poller.add(fd_, shared_from_this(), EPOLLIN);
    }

    void stop() {
        stopped_ = true;
        pause_.cancel();
        io_->poller.remove(std::exchange(id_, 0));
        if (!accepting_) accepted_ = nullptr;
    }

    void on_ready(std::uint32_t) override {
        accepting_ = true;
        for (int i = 0; i < accepts_a_turn && !stopped_; ++i) {
            SocketAddress from;
            const int fd = ::accept4(fd_, from.native(), &from.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd >= 0) {
                prepare(fd);
                accepted_(std::make_unique<SocketConnection>(
                    std::make_shared<ConnectionState>(loop_, fd, to_endpoint(from))));
                continue;
            }
            // What an accepted connection died of is reported here too: not our end (accept(2)).
            if (errno == ECONNABORTED || errno == EINTR || errno == EPROTO || errno == ENETDOWN ||
                errno == EHOSTUNREACH)
                continue;
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                io_->poller.change(id_, 0);
                pause_ = loop_.after(pause_after_exhaustion, [this] { io_->poller.change(id_, EPOLLIN); });
            }
            break;
        }
        accepting_ = false;
        if (stopped_) accepted_ = nullptr;
    }

    int fd() const { return fd_; }
    EventLoop& loop() { return loop_; }

private:
    EventLoop& loop_;
    std::shared_ptr<LoopIo> io_;
    int fd_;
    Network::Accepted accepted_;
    Poller::Id id_ = 0;
    Timer pause_;
    bool stopped_ = false;
    bool accepting_ = false;
};

class SocketListener final : public Listener {
public:
    SocketListener(EventLoop& loop, std::shared_ptr<LoopIo> io, std::shared_ptr<AcceptState> state)
        : loop_(loop), io_(std::move(io)), state_(std::move(state)) {}
    ~SocketListener() override {
        if (!io_->alive || loop_.in_this_thread()) {
            state_->stop();
        } else {
            loop_.post([state = state_] { state->stop(); });
        }
    }
    Endpoint local() const override {
        SocketAddress address;
        ::getsockname(state_->fd(), address.native(), &address.size);
        return to_endpoint(address);
    }

private:
    EventLoop& loop_;  // only while io_->alive
    std::shared_ptr<LoopIo> io_;
    std::shared_ptr<AcceptState> state_;
};

Error listen_error(const Endpoint& endpoint, int cause) {
    const auto code = cause == EADDRINUSE ? Errc::conflict : cause == EACCES ? Errc::forbidden : Errc::closed;
    return {code, "cannot listen on " + endpoint.to_string() + ": " +
                      (cause == EADDRINUSE ? "the port is in use by another program" : std::strerror(cause))};
}

// One attempt to connect, until it is a connection or an error.
class ConnectState final : public Pollable, public std::enable_shared_from_this<ConnectState> {
public:
    ConnectState(EventLoop& loop, Endpoint to, Network::Connected connected)
        : loop_(loop), io_(loop.io()), to_(std::move(to)), connected_(std::move(connected)) {}
    ~ConnectState() override {
        if (fd_ >= 0) ::close(fd_);
    }

    void start(Millis timeout) {
        const auto address = to_socket_address(to_);
        if (!address) return finish(Error{Errc::malformed, to_.address + " is not a numeric address"});
        fd_ = ::socket(address->family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd_ < 0) return fail(errno);
        prepare(fd_);
        if (::connect(fd_, address->native(), address->size) == 0) return succeed();
        if (errno != EINPROGRESS) return fail(errno);
        id_ = io_->poller.add(fd_, shared_from_this(), EPOLLOUT);
        timer_ = loop_.after(timeout, [self = shared_from_this()] {
            self->finish(Error{Errc::timed_out, self->to_.to_string() + " does not answer"});
        });
    }

    void on_ready(std::uint32_t) override {
        int cause = 0;
        socklen_t size = sizeof cause;
        ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &cause, &size);
        if (cause != 0) return fail(cause);
        succeed();
    }

private:
    void succeed() {
        leave();
        const int fd = std::exchange(fd_, -1);
        finish(std::unique_ptr<Connection>(
            std::make_unique<SocketConnection>(std::make_shared<ConnectionState>(loop_, fd, to_))));
    }
    void fail(int cause) {
        finish(Error{cause == ETIMEDOUT ? Errc::timed_out : Errc::closed,
                     "cannot connect to " + to_.to_string() + ": " + std::strerror(cause)});
    }
    void finish(Result<std::unique_ptr<Connection>> result) {
        leave();
        if (auto done = std::move(connected_)) done(std::move(result));
    }
    void leave() {
        timer_.cancel();
        if (id_ != 0) io_->poller.remove(std::exchange(id_, 0));
    }

    EventLoop& loop_;
    std::shared_ptr<LoopIo> io_;
    Endpoint to_;
    Network::Connected connected_;
    int fd_ = -1;
    Poller::Id id_ = 0;
    Timer timer_;
};

}  // namespace

Result<std::unique_ptr<Listener>> listen_on(EventLoop& loop, const Endpoint& endpoint, Network::Accepted accepted) {
    const bool any = endpoint.address.empty();
    auto bound = endpoint;
    if (any) bound.address = "::";
    auto address = to_socket_address(bound);
    if (!address) return Error{Errc::malformed, "cannot listen on " + endpoint.address + ": not a numeric address"};
    int fd = ::socket(address->family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 && any && errno == EAFNOSUPPORT) {  // a machine without IPv6
        bound.address = "0.0.0.0";
        address = to_socket_address(bound);
        fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    }
    if (fd < 0) return listen_error(bound, errno);
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const int only_v6 = any ? 0 : 1;
    if (address->family() == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof only_v6);
    if (::bind(fd, address->native(), address->size) != 0 || ::listen(fd, SOMAXCONN) != 0) {
        const auto cause = errno;
        ::close(fd);
        return listen_error(bound, cause);
    }
    auto state = std::make_shared<AcceptState>(loop, fd, std::move(accepted));
    loop.dispatch([state] { state->start(); });
    return std::unique_ptr<Listener>(std::make_unique<SocketListener>(loop, loop.io(), std::move(state)));
}

void connect_to(EventLoop& loop, const Endpoint& to, Millis timeout, Network::Connected connected) {
    // Always posted: the callback never comes before this returns.
    loop.post(
        [state = std::make_shared<ConnectState>(loop, to, std::move(connected)), timeout] { state->start(timeout); });
}

}  // namespace parley::net
