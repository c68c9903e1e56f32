#include "gateway/federation/link.hpp"

#include <algorithm>

#include "sip/response.hpp"

namespace parley::gateway {
namespace {

constexpr Millis keep_alive_interval{60'000};
constexpr Millis longest_idle{3'600'000};  // the dialogs live on without it; the next request opens a new one
constexpr Millis pause_when_deaf{250};
constexpr std::size_t most_unsent = 256 * 1024;  // bytes of answers that the peer does not read
constexpr Millis longest_silence{
    25'000};  // shorter than a transaction: what waits on it fails as unsent, not as refused

}  // namespace

Link::Link(sip::LinkId id, std::unique_ptr<net::Connection> connection, Owner& owner, int requests_per_second)
    : id_(id),
      connection_(std::move(connection)),
      owner_(owner),
      per_second_(requests_per_second),
      used_(connection_->executor().clock().now()) {}

void Link::start() {
    connection_->set_handler(this);
    ready_ = was_ready_ = true;
    since_ = connection_->executor().clock().wall();
    keep_alive_ = connection_->executor().after(keep_alive_interval, [this] { tick(); });
    owner_.on_ready(*this);
}

void Link::start_tls(std::shared_ptr<net::TlsContext> context, net::Connection::TlsRole role, std::string server_name,
                     Millis patience) {
    patience_ = connection_->executor().after(patience, [this] { connection_->abort(); });
    connection_->start_tls(std::move(context), role, std::move(server_name));
    connection_->set_handler(this);
}

void Link::on_secured() {
    patience_.cancel();
    ready_ = was_ready_ = true;
    since_ = connection_->executor().clock().wall();
    keep_alive_ = connection_->executor().after(keep_alive_interval, [this] { tick(); });
    owner_.on_ready(*this);
}

void Link::send(std::string_view bytes) {
    if (gone_) return;
    used_ = connection_->executor().clock().now();
    connection_->send(bytes);
}

void Link::ask(std::string_view bytes) {
    send(bytes);
    if (gone_ || unheard_since_) return;
    unheard_since_ = used_;
    if (!watching_) watch_for_silence(longest_silence);
}

void Link::watch_for_silence(Millis delay) {
    watching_ = true;
    silence_ = connection_->executor().after(delay, [this] {
        watching_ = false;
        if (!unheard_since_) return;
        const auto silent = connection_->executor().clock().now() - *unheard_since_;
        // What we do not read we do not hear.
        if (held_ || waiting_) return watch_for_silence(longest_silence);
        if (silent >= longest_silence) return connection_->abort();
        watch_for_silence(std::chrono::ceil<Millis>(longest_silence - silent));
    });
}

// An empty line before a message is nothing to a SIP parser (RFC 3261 7.5), so it keeps firewalls awake.
void Link::tick() {
    const auto now = connection_->executor().clock().now();
    if (now - used_ >= longest_idle) {
        idle_closed_ = true;
        return connection_->close();
    }
    if (connection_->unsent() == 0) connection_->send("\r\n\r\n");
    keep_alive_ = connection_->executor().after(keep_alive_interval, [this] { tick(); });
}

void Link::on_bytes(std::string_view bytes) {
    unheard_since_.reset();
    framer_.feed(bytes);
    read();
}

void Link::resume() {
    if (!held_) return;
    held_ = false;
    // From a fresh stack: the caller may be in the middle of our own read().
    pause_ = connection_->executor().after(Millis{0}, [this] {
        waiting_ = false;
        read();
    });
}

// After a request: how long to wait with the next one. A peer on this machine is a load test or a front end of ours; it
// is not counted.
Millis Link::too_early() {
    if (connection_->remote().is_loopback()) return Millis{0};
    return rate_->take(per_second_, connection_->executor().clock().now());
}

// Whoever does not read our answers may ask nothing more, and loses the connection in the end.
bool Link::is_deaf() {
    const auto now = connection_->executor().clock().now();
    if (connection_->unsent() <= most_unsent) {
        deaf_since_.reset();
        return false;
    }
    if (!deaf_since_) deaf_since_ = now;
    if (now - *deaf_since_ >= longest_silence) connection_->abort();
    return true;
}

// Nothing is lost: the peer's messages wait in its own buffers.
void Link::rest(Millis delay) {
    waiting_ = true;
    pause_ = connection_->executor().after(delay, [this] {
        waiting_ = false;
        read();
    });
}

void Link::read() {
    if (reading_) return;
    reading_ = true;
    while (!gone_ && !held_ && !waiting_) {
        if (is_deaf()) {
            rest(pause_when_deaf);
            break;
        }
        const auto item = framer_.next();
        if (item.kind == sip::Framer::Item::Kind::need_more) break;
        used_ = connection_->executor().clock().now();
        if (item.kind == sip::Framer::Item::Kind::fatal) {
            const auto head = sip::parse_head(item.bytes);
            if (head && head->message.is_request() && head->message.method() != sip::Method::ack)
                connection_->send(
                    sip::make_response(head->message, item.problem.status, item.problem.phrase, {}).serialise());
            connection_->close();
            break;
        }
        auto parsed = sip::parse_message(item.bytes);
        if (!parsed) continue;
        const bool counts = parsed->message.is_request();
        owner_.on_message(*this, *std::move(parsed));
        if (const auto early = counts && !gone_ ? too_early() : Millis{0}; early > Millis{0}) rest(early);
    }
    reading_ = false;
    if (!gone_) connection_->pause_reading(held_ || waiting_);
}

void Link::on_closed(const Error& why) {
    gone_ = true;
    ready_ = false;
    patience_.cancel();
    pause_.cancel();
    keep_alive_.cancel();
    silence_.cancel();
    owner_.on_gone(*this, why);
}

}  // namespace parley::gateway
