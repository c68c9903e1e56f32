#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bench/common/loop.hpp"
#include "bench/common/tls_socket.hpp"
#include "bench/load/options.hpp"
#include "bench/load/scram.hpp"
#include "bench/load/stanza_splitter.hpp"

namespace parley::bench {

class Session;

// What a mode is told. A session must not be destroyed inside these calls.
class SessionEvents {
public:
    virtual ~SessionEvents() = default;
    virtual void on_online(Session&) {}
    virtual void on_message(Session&, std::string_view) {}
    virtual void on_presence(Session&, std::string_view) {}
    virtual void on_acknowledged(Session&, std::uint32_t) {}  // <a h='...'/>
    virtual void on_closed(Session&, std::string_view why) = 0;
};

struct SessionSetup {
    Server server;
    std::string user;
    unsigned index = 0;  // for the mode's own tables
    bool stream_management = false;
    bool presence = true;
};

// One client connection: TCP, TLS (direct or STARTTLS), SASL, bind, stream management, roster, presence. Waits for each
// answer before the next step, as a client that knows nothing of the server must. May connect again once
// closed, but not from inside a call of SessionEvents.
class Session final : public Pollable {
public:
    Session(Loop& loop, SSL_CTX* context, const Options& options, SessionSetup setup, SessionEvents& events);
    ~Session() override;

    void connect();
    void send(std::string_view stanza);
    // Ends the stream and waits for the server's end of it; on_closed() follows with an empty reason.
    void close();
    // Ends without a word, as a client that loses power.
    void drop();

    bool online() const { return stage_ == Stage::online; }
    bool closed() const { return stage_ == Stage::closed; }
    unsigned index() const { return setup_.index; }
    const SessionSetup& setup() const { return setup_; }
    // Stanzas sent since stream management was enabled: what the server's h will reach.
    std::uint32_t sent() const { return sent_; }
    const std::string& jid() const { return jid_; }        // full, as bound
    const std::string& roster() const { return roster_; }  // the roster's query as the server gave it
    void set_events(SessionEvents& events) { events_ = &events; }
    void set_presence(bool presence) { setup_.presence = presence; }

    void on_ready(std::uint32_t events) override;

private:
    enum class Stage : std::uint8_t {
        closed,
        connecting,
        starttls,
        proceed,
        handshake,
        sasl,
        sasl_final,
        bind,
        bound,
        enable,
        roster,
        online,
        closing
    };

    void start_tls();
    bool go_on_with_handshake();
    void open_stream();
    void read();
    void take(StanzaSplitter::Item item, std::string_view text);
    void negotiate(std::string_view stanza);
    void authenticate(std::string_view features);
    void after_bind();
    void after_enable();
    void go_online();
    void online_stanza(std::string_view stanza);
    void answer_iq(std::string_view stanza);
    void watch(bool write);
    std::string acknowledgement() const;
    void finish(std::string_view why);
    bool expect(bool ok, std::string_view stanza);

    Loop& loop_;
    SSL_CTX* context_;
    const Options& options_;
    SessionSetup setup_;
    SessionEvents* events_;
    TlsSocket socket_;
    StanzaSplitter splitter_;
    std::optional<Scram> scram_;
    std::string jid_, roster_;
    Stage stage_ = Stage::closed;
    bool authenticated_ = false;
    bool counting_ = false;  // stream management is on
    bool watching_write_ = false;
    std::uint32_t received_ = 0, sent_ = 0;
};

}  // namespace parley::bench
