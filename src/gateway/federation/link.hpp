#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/executor.hpp"
#include "base/shared_rate.hpp"
#include "net/connection.hpp"
#include "sip/framer.hpp"
#include "sip/ids.hpp"
#include "sip/message.hpp"

namespace parley::gateway {

// One connection to a SIP peer, TCP or TLS, opened by either side: bytes in, whole messages out. What a message means
// and whether this peer may send it is decided elsewhere. One thread, its connection's.
class Link final : public net::Connection::Handler {
public:
    class Owner {
    public:
        virtual ~Owner() = default;
        virtual void on_ready(Link& link) = 0;
        // hold() stops further ones until resume().
        virtual void on_message(Link& link, sip::Parsed parsed) = 0;
        // Last of all, also after close(). The link must outlive this call.
        virtual void on_gone(Link& link, const Error& why) = 0;
    };

    Link(sip::LinkId id, std::unique_ptr<net::Connection> connection, Owner& owner, int requests_per_second);

    void start();  // plain: it is ready at once
    void start_tls(std::shared_ptr<net::TlsContext> context, net::Connection::TlsRole role, std::string server_name,
                   Millis patience);
    void send(std::string_view bytes);
    // A request that a living peer answers at once. When nothing at all is heard for a while after it, the connection
    // leads nowhere any more and is closed.
    void ask(std::string_view bytes);
    void hold() { held_ = true; }
    void resume();
    // Whose requests are counted together with those of other connections.
    void set_rate(int requests_per_second, std::shared_ptr<SharedRate> rate) {
        per_second_ = requests_per_second;
        rate_ = std::move(rate);
    }
    void close() { connection_->close(); }

    sip::LinkId id() const { return id_; }
    bool ready() const { return ready_; }
    bool was_ready() const { return was_ready_; }
    bool idle_closed() const { return idle_closed_; }  // by us: it was not used
    TimePoint since() const { return since_; }         // when it became ready
    const net::Endpoint& remote() const { return connection_->remote(); }
    const net::TlsInfo* tls() const { return connection_->tls(); }
    std::size_t unsent() const { return connection_->unsent(); }

    void on_bytes(std::string_view bytes) override;
    void on_secured() override;
    void on_closed(const Error& why) override;

private:
    void read();
    void rest(Millis delay);
    Millis too_early();
    bool is_deaf();
    void tick();
    void watch_for_silence(Millis delay);

    sip::LinkId id_;
    std::unique_ptr<net::Connection> connection_;
    Owner& owner_;
    sip::Framer framer_;
    int per_second_;
    std::shared_ptr<SharedRate> rate_ = std::make_shared<SharedRate>();  // its own until it is known whose it is
    SteadyTime used_;
    TimePoint since_{};
    std::optional<SteadyTime> unheard_since_, deaf_since_;
    Timer patience_, pause_, keep_alive_, silence_;
    bool ready_ = false, was_ready_ = false, held_ = false, waiting_ = false, reading_ = false, gone_ = false,
         idle_closed_ = false;
    bool watching_ = false;
};

}  // namespace parley::gateway
