#pragma once

#include <memory>
#include <optional>

#include "net/connection.hpp"
#include "net/event_loop.hpp"
#include "net/loop_io.hpp"
#include "net/socket_address.hpp"
#include "net/tls_session.hpp"

namespace parley::net {

// The state of one connection. The poller and the turn's end hold it, so that it survives whatever a handler destroys
// in a callback; after each callback it looks whether it is still wanted. Internal to net.
class ConnectionState final : public Pollable, public TurnEnd, public std::enable_shared_from_this<ConnectionState> {
public:
    ConnectionState(EventLoop& loop, int fd, Endpoint remote);
    ~ConnectionState() override;

    void set_handler(Connection::Handler* handler);
    void send(std::string_view bytes);
    std::size_t unsent() const { return out_.size() - sent_; }
    void pause_reading(bool paused);
    void start_tls(std::shared_ptr<TlsContext> context, Connection::TlsRole role, const std::string& server_name);
    void close();
    void abort();
    void detach();  // the Connection is destroyed
    void move_to(EventLoop& loop, Function<void()> arrived);

    const Endpoint& remote() const { return remote_; }
    const Endpoint& local() const;
    const TlsInfo* tls() const { return tls_info_.get(); }
    std::vector<std::string> peer_certificates() const;
    std::string channel_binding() const;
    Executor& executor() const { return *loop_; }

    void on_ready(std::uint32_t events) override;
    void on_turn_end() override;

private:
    // open -> closing (we or the peer ended it: what is queued goes out) -> lingering (our FIN is sent, the handler
    // told; the socket waits for the peer's FIN, since closing it on unread bytes would reset what is still under way)
    // -> closed.
    enum class Phase : std::uint8_t { open, closing, lingering, closed };
    enum class Tls : std::uint8_t { none, after_plain, handshaking, ready };

    struct Chunk {
        TlsSession::Io io;
        std::size_t bytes;
        bool more;  // known to be there: the poller will not say so
    };
    Chunk read_some(std::vector<char>& buffer);
    void read();
    void discard_input();
    void flush();
    void handshake();
    void peer_ended();
    void begin_close(Error why);
    void finish_close();
    void fail(std::string detail);
    void report();
    void release_socket();
    void update_interest();
    std::uint32_t wanted_events() const;
    void stop_polling_input();
    void schedule();
    bool delivering() const { return handler_ != nullptr && phase_ == Phase::open && !paused_ && !moving_; }
    void arrive(EventLoop& loop, Function<void()> arrived);
    void give_up_after(Millis time);

    EventLoop* loop_;
    std::shared_ptr<LoopIo> io_;
    Connection::Handler* handler_ = nullptr;
    int fd_;
    std::uint32_t interest_ = 0;
    Poller::Id id_ = 0;
    std::unique_ptr<TlsSession> tls_;
    std::unique_ptr<TlsInfo> tls_info_;
    std::string out_;
    std::size_t sent_ = 0;        // of out_
    std::size_t plain_left_ = 0;  // bytes of out_ that still go before the handshake
    Timer give_up_;
    std::unique_ptr<Error> why_;
    Endpoint remote_;
    mutable std::unique_ptr<Endpoint> local_;

    Phase phase_ = Phase::open;
    Tls tls_state_ = Tls::none;
    bool paused_ = false;
    bool moving_ = false;
    bool detached_ = false;
    bool peer_ended_ = false;     // no more bytes will come
    bool write_blocked_ = false;  // the kernel takes no more for now
    bool read_wants_write_ = false;
    bool write_wants_read_ = false;
    bool owes_drained_ = false;
    bool scheduled_ = false;
    bool need_flush_ = false;
    bool need_read_ = false;
    bool need_report_ = false;
};

class SocketConnection final : public Connection {
public:
    explicit SocketConnection(std::shared_ptr<ConnectionState> state) : state_(std::move(state)) {}
    ~SocketConnection() override { state_->detach(); }

    void set_handler(Handler* handler) override { state_->set_handler(handler); }
    void send(std::string_view bytes) override { state_->send(bytes); }
    std::size_t unsent() const override { return state_->unsent(); }
    void pause_reading(bool paused) override { state_->pause_reading(paused); }
    void start_tls(std::shared_ptr<TlsContext> context, TlsRole role, std::string server_name) override {
        state_->start_tls(std::move(context), role, server_name);
    }
    void close() override { state_->close(); }
    void abort() override { state_->abort(); }
    const Endpoint& remote() const override { return state_->remote(); }
    const Endpoint& local() const override { return state_->local(); }
    const TlsInfo* tls() const override { return state_->tls(); }
    std::vector<std::string> peer_certificates() const override { return state_->peer_certificates(); }
    std::string channel_binding() const override { return state_->channel_binding(); }
    Executor& executor() const override { return state_->executor(); }
    void move_to(Executor& executor, Function<void()> arrived) override;

private:
    std::shared_ptr<ConnectionState> state_;
};

// The EventLoop that an Executor given to net must be; throws std::logic_error for another kind.
EventLoop& event_loop_of(Executor& executor);

}  // namespace parley::net
