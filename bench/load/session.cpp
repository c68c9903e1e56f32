#include "bench/load/session.hpp"

#include <array>
#include <charconv>
#include <cstring>
#include <sys/socket.h>

namespace parley::bench {
namespace {

constexpr std::size_t read_size = 16 * 1024;
constexpr std::string_view sm_namespace = "urn:xmpp:sm:3";

int pending_error(int fd) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
}

bool is_stanza(std::string_view text) {
    return text.starts_with("<message") || text.starts_with("<presence") || text.starts_with("<iq");
}

}  // namespace

Session::Session(Loop& loop, SSL_CTX* context, const Options& options, SessionSetup setup, SessionEvents& events)
    : loop_(loop), context_(context), options_(options), setup_(std::move(setup)), events_(&events) {}

Session::~Session() {
    if (stage_ != Stage::closed) loop_.remove(socket_.fd(), *this);
}

void Session::connect() {
    authenticated_ = counting_ = watching_write_ = false;
    received_ = sent_ = 0;
    splitter_ = {};
    socket_.connect(setup_.server.port);
    stage_ = Stage::connecting;
    loop_.add(socket_.fd(), *this, EPOLLOUT);
}

void Session::send(std::string_view stanza) {
    if (stage_ == Stage::closed) return;
    if (counting_ && is_stanza(stanza)) ++sent_;
    if (!socket_.write(stanza)) return finish("write failed");
    if (socket_.wants_write() != watching_write_) watch(socket_.wants_write());
}

void Session::close() {
    if (stage_ == Stage::closed) return;
    if (options_.raw) return finish("");
    stage_ = Stage::closing;
    send(counting_ ? acknowledgement() + "</stream:stream>" : "</stream:stream>");
}

std::string Session::acknowledgement() const {
    return "<a xmlns='urn:xmpp:sm:3' h='" + std::to_string(received_) + "'/>";
}

void Session::drop() {
    finish("");
}

void Session::on_ready(std::uint32_t events) {
    if (stage_ == Stage::connecting) {
        if (const int error = pending_error(socket_.fd()); error != 0)
            return finish("connect: " + std::string(std::strerror(error)));
        watch(false);
        if (options_.direct_tls || options_.raw) {
            start_tls();
        } else {
            stage_ = Stage::starttls;
            open_stream();
        }
        return;
    }
    if ((events & EPOLLOUT) != 0) {
        if (!socket_.flush()) return finish("write failed");
        watch(socket_.wants_write());
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read();
}

void Session::watch(bool write) {
    watching_write_ = write;
    loop_.modify(socket_.fd(), *this, write ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void Session::start_tls() {
    stage_ = Stage::handshake;
    socket_.start_tls(context_, false, setup_.server.domain.empty() ? "relay" : setup_.server.domain.c_str());
    go_on_with_handshake();
}

bool Session::go_on_with_handshake() {
    switch (socket_.handshake()) {
        case TlsSocket::Progress::waiting: return false;
        case TlsSocket::Progress::failed: finish("TLS handshake failed"); return false;
        case TlsSocket::Progress::done: break;
    }
    if (options_.raw) {
        splitter_.enter_stream();
        stage_ = Stage::online;
        events_->on_online(*this);
    } else {
        stage_ = Stage::sasl;
        open_stream();
    }
    return stage_ != Stage::closed;
}

void Session::open_stream() {
    splitter_.reset();
    send("<?xml version='1.0'?><stream:stream to='" + setup_.server.domain +
         "' version='1.0' xml:lang='en' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>");
}

void Session::read() {
    static std::array<char, read_size> buffer;
    if (stage_ == Stage::handshake && !go_on_with_handshake()) return;
    do {
        const auto count = socket_.read(buffer);
        if (count < 0) return finish(stage_ == Stage::closing ? "" : "the server closed the connection");
        if (count == 0) return;
        const bool fits =
            splitter_.feed({buffer.data(), static_cast<std::size_t>(count)},
                           [this](StanzaSplitter::Item item, std::string_view text) { take(item, text); });
        if (!fits) return finish("a stanza over the generator's limit");
    } while (stage_ != Stage::closed && stage_ != Stage::handshake && socket_.has_buffered());
}

void Session::take(StanzaSplitter::Item item, std::string_view text) {
    if (stage_ == Stage::closed || item == StanzaSplitter::Item::header) return;
    if (item == StanzaSplitter::Item::end) {
        if (stage_ != Stage::closing) socket_.write("</stream:stream>");
        socket_.say_goodbye();
        return finish(stage_ == Stage::closing ? "" : "the server ended the stream");
    }
    if (text.starts_with("<stream:error")) return finish(text);
    if (stage_ >= Stage::online) {
        online_stanza(text);
    } else {
        negotiate(text);
    }
}

bool Session::expect(bool ok, std::string_view stanza) {
    if (!ok) finish(setup_.user + " at step " + std::to_string(static_cast<int>(stage_)) + ": " + std::string(stanza));
    return ok;
}

void Session::negotiate(std::string_view stanza) {
    const auto name = element_name(stanza);
    switch (stage_) {
        case Stage::starttls:
            if (!expect(stanza.find("<starttls") != stanza.npos, stanza)) return;
            stage_ = Stage::proceed;
            return send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
        case Stage::proceed:
            if (expect(name == "proceed", stanza)) start_tls();
            return;
        case Stage::sasl:
            if (expect(name == "stream:features", stanza)) authenticate(stanza);
            return;
        case Stage::sasl_final:
            if (name == "challenge" && scram_) {
                const auto answer = scram_->final(base64_decode(child_text(stanza, "challenge")));
                if (!expect(answer.has_value(), stanza)) return;
                return send("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" + base64_encode(*answer) +
                            "</response>");
            }
            if (!expect(name == "success", stanza)) return;
            if (scram_ && !expect(scram_->verify(base64_decode(child_text(stanza, "success"))), stanza)) return;
            scram_.reset();
            authenticated_ = true;
            stage_ = Stage::bind;
            return open_stream();
        case Stage::bind:
            if (!expect(name == "stream:features" && stanza.find("<bind") != stanza.npos, stanza)) return;
            if (!expect(!setup_.stream_management || stanza.find(sm_namespace) != stanza.npos, stanza)) return;
            stage_ = Stage::bound;
            return send("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>" +
                        options_.resource + "</resource></bind></iq>");
        case Stage::bound:
            if (!expect(name == "iq" && attribute(stanza, "type") == "result", stanza)) return;
            jid_ = child_text(stanza, "jid");
            return after_bind();
        case Stage::enable:
            if (!expect(name == "enabled", stanza)) return;
            counting_ = true;
            return after_enable();
        case Stage::roster:
            if (name == "iq" && attribute(stanza, "id") == "roster") {
                if (!expect(attribute(stanza, "type") == "result", stanza)) return;
                roster_ = stanza;
                ++received_;
                return go_online();
            }
            return online_stanza(stanza);
        default: return;
    }
}

void Session::authenticate(std::string_view features) {
    const auto name = mechanism_name(options_.mechanism);
    if (!expect(features.find(">" + std::string(name) + "<") != features.npos, features)) return;
    std::string initial;
    if (options_.mechanism == Mechanism::plain) {
        initial = '\0' + setup_.user + '\0' + options_.password;
    } else {
        initial = scram_.emplace(options_.mechanism, setup_.user, options_.password).first();
    }
    stage_ = Stage::sasl_final;
    send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='" + std::string(name) + "'>" +
         base64_encode(initial) + "</auth>");
}

void Session::after_bind() {
    if (!setup_.stream_management) return after_enable();
    stage_ = Stage::enable;
    send("<enable xmlns='urn:xmpp:sm:3'/>");
}

void Session::after_enable() {
    if (!setup_.presence) return go_online();
    stage_ = Stage::roster;
    send("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>");
}

void Session::go_online() {
    stage_ = Stage::online;
    if (setup_.presence) send("<presence/>");
    events_->on_online(*this);
}

void Session::online_stanza(std::string_view stanza) {
    const auto name = element_name(stanza);
    if (name == "r") return send(acknowledgement());
    if (name == "a") {
        const auto h = attribute(stanza, "h");
        std::uint32_t count = 0;
        std::from_chars(h.data(), h.data() + h.size(), count);
        return events_->on_acknowledged(*this, count);
    }
    ++received_;
    if (name == "message") {
        events_->on_message(*this, stanza);
    } else if (name == "presence") {
        events_->on_presence(*this, stanza);
    } else if (name == "iq") {
        answer_iq(stanza);
    }
}

// Pings get their pong, since a server may use them to learn what has arrived; roster pushes their result; the rest an
// error, as RFC 6120 §8.2.3 wants.
void Session::answer_iq(std::string_view stanza) {
    const auto type = attribute(stanza, "type");
    if (type != "get" && type != "set") return;
    const bool known = stanza.find("urn:xmpp:ping") != stanza.npos || stanza.find("jabber:iq:roster") != stanza.npos;
    std::string answer = "<iq id='" + std::string(attribute(stanza, "id")) + "'";
    if (const auto from = attribute(stanza, "from"); !from.empty()) answer += " to='" + std::string(from) + "'";
    answer += known ? " type='result'/>"
                    : " type='error'><error type='cancel'><service-unavailable "
                      "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>";
    send(answer);
}

void Session::finish(std::string_view why) {
    if (stage_ == Stage::closed) return;
    const std::string reason(why);
    loop_.remove(socket_.fd(), *this);
    if (options_.raw) socket_.say_goodbye();
    socket_.close();
    scram_.reset();
    stage_ = Stage::closed;
    events_->on_closed(*this, reason);
}

}  // namespace parley::bench
