#include "net/socket_connection.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace parley::net {
namespace {

constexpr Millis time_to_flush{5'000};   // close(): for what is queued
constexpr Millis time_to_linger{2'000};  // after our FIN: for the peer's
constexpr int reads_a_turn = 8;          // then the others have their turn
// on_drained() is owed once this much has waited, or the kernel has taken no more.
constexpr std::size_t drained_from = std::size_t{64} * 1024;
// What is sent of a queue that keeps growing is dropped from its front from here on.
constexpr std::size_t compact_from = std::size_t{256} * 1024;

bool would_block(int cause) {
    return cause == EAGAIN || cause == EWOULDBLOCK || cause == EINTR;
}

}  // namespace

EventLoop& event_loop_of(Executor& executor) {
    auto* loop = dynamic_cast<EventLoop*>(&executor);
    if (loop == nullptr) throw std::logic_error("sockets need an EventLoop as their executor");
    return *loop;
}

void SocketConnection::move_to(Executor& executor, Function<void()> arrived) {
    state_->move_to(event_loop_of(executor), std::move(arrived));
}

ConnectionState::ConnectionState(EventLoop& loop, int fd, Endpoint remote)
    : loop_(&loop), io_(loop.io()), fd_(fd), remote_(std::move(remote)) {}

ConnectionState::~ConnectionState() {
    tls_.reset();
    if (fd_ >= 0) ::close(fd_);
}

// --- called by the owner: nothing here calls the handler, that happens at the end of the turn

void ConnectionState::set_handler(Connection::Handler* handler) {
    handler_ = handler;
    if (tls_ && tls_state_ == Tls::ready && tls_->has_pending()) need_read_ = true;
    if (need_read_ || need_report_) schedule();
    update_interest();
}

void ConnectionState::send(std::string_view bytes) {
    if (phase_ != Phase::open || bytes.empty()) return;
    if (out_.empty() && io_->alive && !moving_) out_ = io_->take_buffer();
    out_.append(bytes);
    if (unsent() >= drained_from) owes_drained_ = true;
    if (write_blocked_ || (tls_state_ != Tls::none && tls_state_ != Tls::ready)) return;
    need_flush_ = true;
    schedule();
}

void ConnectionState::pause_reading(bool paused) {
    if (paused_ == paused) return;
    paused_ = paused;
    if (!paused && tls_ && tls_state_ == Tls::ready) {
        need_read_ = true;  // the rest of a record may wait inside
        schedule();
    }
    update_interest();
}

void ConnectionState::start_tls(std::shared_ptr<TlsContext> context, Connection::TlsRole role,
                                const std::string& server_name) {
    if (phase_ != Phase::open || tls_state_ != Tls::none) return;
    auto session = TlsSession::create(fd_, std::move(context), role, server_name);
    if (!session) {
        begin_close(session.error());
        return;
    }
    tls_ = *std::move(session);
    tls_state_ = Tls::after_plain;
    plain_left_ = unsent();
    need_flush_ = true;
    schedule();
    update_interest();
}

void ConnectionState::close() {
    if (phase_ == Phase::open) begin_close({Errc::closed, "closed by us"});
}

void ConnectionState::abort() {
    if (phase_ == Phase::lingering || phase_ == Phase::closed) return;
    phase_ = Phase::closed;
    if (!why_) why_ = std::make_unique<Error>(Error{Errc::closed, "aborted by us"});
    release_socket();
    need_report_ = true;
    schedule();
}

void ConnectionState::detach() {
    handler_ = nullptr;
    detached_ = true;
    // After close() the rest goes on by itself.
    if (phase_ != Phase::open) return;
    phase_ = Phase::closed;
    release_socket();
}

const Endpoint& ConnectionState::local() const {
    if (!local_) {
        SocketAddress address;
        local_ = std::make_unique<Endpoint>();
        if (fd_ >= 0 && ::getsockname(fd_, address.native(), &address.size) == 0) *local_ = to_endpoint(address);
    }
    return *local_;
}

std::vector<std::string> ConnectionState::peer_certificates() const {
    return tls_ && tls_state_ == Tls::ready ? tls_->peer_certificates() : std::vector<std::string>{};
}

std::string ConnectionState::channel_binding() const {
    return tls_ && tls_state_ == Tls::ready ? tls_->channel_binding() : std::string();
}

// --- moving

void ConnectionState::move_to(EventLoop& loop, Function<void()> arrived) {
    if (moving_ || detached_ || !io_->alive) return;
    moving_ = true;
    give_up_.cancel();
    update_interest();
    // In two steps: behind all work of ours that is already queued here, which finds `moving_` set and leaves.
    loop_->post([self = shared_from_this(), &loop, arrived = std::move(arrived)]() mutable {
        if (self->detached_) return;
        loop.post([self, &loop, arrived = std::move(arrived)]() mutable { self->arrive(loop, std::move(arrived)); });
    });
}

void ConnectionState::arrive(EventLoop& loop, Function<void()> arrived) {
    loop_ = &loop;
    io_ = loop.io();
    moving_ = false;
    arrived();
    if (moving_ || phase_ == Phase::closed) {
        if (need_report_) schedule();
        return;
    }
    if (phase_ == Phase::closing) give_up_after(time_to_flush);
    if (phase_ == Phase::lingering) give_up_after(time_to_linger);
    if (tls_ && tls_state_ == Tls::ready && tls_->has_pending()) need_read_ = true;
    if (need_flush_ || need_read_ || need_report_) schedule();
    update_interest();
}

// --- events

void ConnectionState::on_turn_end() {
    scheduled_ = false;
    if (moving_) return;
    if (need_report_) return report();
    if (std::exchange(need_flush_, false)) flush();
    if (need_read_ && delivering() && tls_state_ != Tls::after_plain && tls_state_ != Tls::handshaking) {
        need_read_ = false;
        read();
    }
}

void ConnectionState::on_ready(std::uint32_t events) {
    if (moving_) return;
    if (phase_ == Phase::lingering) return discard_input();
    const bool hung_up = (events & (EPOLLHUP | EPOLLERR)) != 0;
    if (tls_state_ == Tls::handshaking) return handshake();
    if ((events & EPOLLOUT) != 0) {
        write_blocked_ = false;
        const bool read_too = std::exchange(read_wants_write_, false);
        flush();
        if (moving_ || phase_ == Phase::closed || phase_ == Phase::lingering) return;
        if (read_too && delivering()) return read();
    }
    if ((interest_ & EPOLLIN) != 0 && (hung_up || (events & EPOLLIN) != 0)) {
        if (phase_ == Phase::closing) return discard_input();
        if (paused_) return stop_polling_input();
        if (delivering()) read();
        if (write_wants_read_ && !moving_ && (phase_ == Phase::open || phase_ == Phase::closing)) {
            write_wants_read_ = false;
            flush();
        }
    } else if (hung_up && (interest_ & EPOLLIN) == 0) {
        // The connection is dead but may not be read now (paused). A level-triggered poller would repeat this for ever:
        // leave it until somebody wants something.
        if (phase_ == Phase::closing || (events & EPOLLERR) != 0) return fail("the connection was reset");
        io_->poller.remove(std::exchange(id_, 0));
        interest_ = 0;
    }
}

ConnectionState::Chunk ConnectionState::read_some(std::vector<char>& buffer) {
    if (tls_state_ == Tls::ready) {
        const auto outcome = tls_->read(buffer.data(), buffer.size());
        return {outcome.io, outcome.bytes, outcome.io == TlsSession::Io::done && tls_->has_pending()};
    }
    const auto count = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (count > 0) return {TlsSession::Io::done, static_cast<std::size_t>(count), false};
    if (count == 0) return {TlsSession::Io::end, 0, false};
    return {would_block(errno) ? TlsSession::Io::want_read : TlsSession::Io::failed, 0, false};
}

void ConnectionState::read() {
    const auto state = tls_state_;
    if (state == Tls::after_plain || state == Tls::handshaking || peer_ended_) return;
    auto& buffer = io_->read_buffer();
    for (int i = 0; i < reads_a_turn; ++i) {
        errno = 0;
        const auto chunk = read_some(buffer);
        switch (chunk.io) {
            case TlsSession::Io::done: break;
            case TlsSession::Io::want_read: return;
            case TlsSession::Io::want_write: read_wants_write_ = true; return update_interest();
            case TlsSession::Io::end: return peer_ended();
            case TlsSession::Io::failed: return fail(tls_ ? tls_->failure() : std::strerror(errno));
        }
        handler_->on_bytes({buffer.data(), chunk.bytes});
        if (!delivering() || tls_state_ != state) return;  // paused, closed, destroyed, moved, or TLS begins
        // Without `more` the socket is probably empty. If not, the poller says so: cheaper than a read that finds
        // nothing.
        if (!chunk.more && (state == Tls::ready || chunk.bytes < buffer.size())) return;
    }
    if (state == Tls::ready && tls_->has_pending()) {
        need_read_ = true;
        schedule();
    }
}

void ConnectionState::discard_input() {
    auto& buffer = io_->read_buffer();
    for (int i = 0; i < reads_a_turn; ++i) {
        errno = 0;
        const auto chunk =
            phase_ == Phase::lingering
                ? Chunk{[&] {
                            const auto count = ::recv(fd_, buffer.data(), buffer.size(), 0);
                            if (count > 0) return TlsSession::Io::done;
                            return count < 0 && would_block(errno) ? TlsSession::Io::want_read : TlsSession::Io::end;
                        }(),
                        0, false}
                : read_some(buffer);
        if (chunk.io == TlsSession::Io::want_read || chunk.io == TlsSession::Io::want_write) return;
        if (chunk.io == TlsSession::Io::done) continue;
        if (phase_ == Phase::lingering) {
            phase_ = Phase::closed;
            return release_socket();
        }
        if (chunk.io == TlsSession::Io::failed) return fail(tls_ ? tls_->failure() : std::strerror(errno));
        peer_ended_ = true;
        return update_interest();
    }
}

void ConnectionState::flush() {
    if (fd_ < 0) return;
    if (tls_state_ == Tls::handshaking) {
        if (phase_ == Phase::closing) finish_close();
        return;
    }
    if (write_blocked_) return;
    const bool plain = tls_state_ != Tls::ready;
    while (tls_state_ == Tls::after_plain ? plain_left_ > 0 : sent_ < out_.size()) {
        std::string_view left = std::string_view(out_).substr(sent_);
        if (tls_state_ == Tls::after_plain) left = left.substr(0, plain_left_);
        TlsSession::Outcome outcome{TlsSession::Io::done};
        if (plain) {
            const auto count = ::send(fd_, left.data(), left.size(), MSG_NOSIGNAL);
            if (count >= 0)
                outcome.bytes = static_cast<std::size_t>(count);
            else
                outcome.io = would_block(errno) ? TlsSession::Io::want_write : TlsSession::Io::failed;
        } else {
            outcome = tls_->write(left);
        }
        if (outcome.io == TlsSession::Io::done) {
            sent_ += outcome.bytes;
            plain_left_ -= std::min(plain_left_, outcome.bytes);
            continue;
        }
        if (outcome.io == TlsSession::Io::want_write || outcome.io == TlsSession::Io::want_read) {
            (outcome.io == TlsSession::Io::want_write ? write_blocked_ : write_wants_read_) = true;
            owes_drained_ = true;
            if (sent_ >= compact_from) {
                out_.erase(0, sent_);
                sent_ = 0;
            }
            return update_interest();
        }
        return fail(plain ? std::strerror(errno) : tls_->failure());
    }
    if (tls_state_ == Tls::after_plain) {
        tls_state_ = Tls::handshaking;
        if (phase_ == Phase::open) return handshake();
        return finish_close();
    }
    if (sent_ > 0) {
        io_->give_buffer(std::exchange(out_, {}));
        sent_ = 0;
    }
    if (phase_ == Phase::closing) return finish_close();
    update_interest();
    if (std::exchange(owes_drained_, false) && handler_ != nullptr) handler_->on_drained();
}

void ConnectionState::handshake() {
    write_blocked_ = false;
    if (phase_ == Phase::closing) return finish_close();
    switch (tls_->handshake()) {
        case TlsSession::Io::done: break;
        case TlsSession::Io::want_write: write_blocked_ = true; [[fallthrough]];
        case TlsSession::Io::want_read: return update_interest();
        case TlsSession::Io::end:
        case TlsSession::Io::failed: return fail("the TLS handshake failed: " + tls_->failure());
    }
    tls_state_ = Tls::ready;
    tls_info_ = std::make_unique<TlsInfo>(tls_->info());
    update_interest();
    if (handler_ != nullptr) handler_->on_secured();
    if (moving_ || phase_ == Phase::closed) {
        need_flush_ = unsent() > 0;
        return;
    }
    flush();
    if (phase_ == Phase::open && !moving_ && tls_->has_pending()) {
        need_read_ = true;
        schedule();
    }
}

// --- the end

void ConnectionState::peer_ended() {
    peer_ended_ = true;
    begin_close({Errc::closed, "the peer closed the connection"});
}

void ConnectionState::begin_close(Error why) {
    phase_ = Phase::closing;
    why_ = std::make_unique<Error>(std::move(why));
    need_flush_ = true;
    if (!moving_) give_up_after(time_to_flush);
    schedule();
    update_interest();
}

void ConnectionState::finish_close() {
    give_up_.cancel();
    if (tls_state_ == Tls::ready) tls_->send_close_notify();
    ::shutdown(fd_, SHUT_WR);
    if (peer_ended_) {
        phase_ = Phase::closed;
        release_socket();
    } else {
        phase_ = Phase::lingering;
        tls_.reset();  // what comes now is thrown away undeciphered
        std::string().swap(out_);
        sent_ = 0;
        write_blocked_ = false;
        give_up_after(time_to_linger);
        update_interest();
    }
    report();
}

void ConnectionState::fail(std::string detail) {
    if (phase_ == Phase::closed) return;
    phase_ = Phase::closed;
    if (!why_) why_ = std::make_unique<Error>(Error{Errc::closed, std::move(detail)});
    release_socket();
    report();
}

void ConnectionState::report() {
    need_report_ = false;
    if (auto* handler = std::exchange(handler_, nullptr)) {
        const auto why = std::move(*why_);
        handler->on_closed(why);
    } else if (!detached_) {
        need_report_ = true;  // there is no handler yet
    }
}

void ConnectionState::release_socket() {
    give_up_.cancel();
    if (id_ != 0) io_->poller.remove(std::exchange(id_, 0));
    interest_ = 0;
    tls_.reset();
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    std::string().swap(out_);
    sent_ = 0;
}

void ConnectionState::give_up_after(Millis time) {
    if (!io_->alive) return;
    // The state's own timer may hold it: cancelled with the socket.
    give_up_ = loop_->after(time, [self = shared_from_this()] {
        if (self->phase_ == Phase::closing) return self->fail("the peer did not take what was queued");
        self->phase_ = Phase::closed;
        self->release_socket();
    });
}

// Something has come that may not be read now: a level-triggered poller would say so for ever.
void ConnectionState::stop_polling_input() {
    interest_ &= ~static_cast<std::uint32_t>(EPOLLIN);
    io_->poller.change(id_, interest_);
}

std::uint32_t ConnectionState::wanted_events() const {
    if (fd_ < 0 || moving_) return 0;
    std::uint32_t wanted = 0;
    const bool reading = phase_ == Phase::lingering || (phase_ == Phase::closing && !peer_ended_) ||
                         (phase_ == Phase::open && (tls_state_ == Tls::handshaking || delivering()));
    if (reading && tls_state_ != Tls::after_plain) wanted |= EPOLLIN;
    if (write_blocked_ || read_wants_write_) wanted |= EPOLLOUT;
    return wanted;
}

void ConnectionState::update_interest() {
    auto wanted = wanted_events();
    // A pause is mostly over before anything comes: the poller is told when something does (on_ready()).
    if (paused_ && phase_ == Phase::open) wanted |= interest_ & EPOLLIN;
    if (moving_ || fd_ < 0) {
        if (id_ != 0) io_->poller.remove(std::exchange(id_, 0));
    } else if (id_ == 0) {
        if (wanted != 0 && io_->alive) id_ = io_->poller.add(fd_, shared_from_this(), wanted);
    } else if (wanted != interest_) {
        io_->poller.change(id_, wanted);
    }
    interest_ = wanted;
}

void ConnectionState::schedule() {
    if (scheduled_ || moving_ || !io_->alive) return;
    scheduled_ = true;
    if (io_->add_turn_end(shared_from_this())) loop_->post([io = io_] { io->run_turn_ends(); });
}

}  // namespace parley::net
