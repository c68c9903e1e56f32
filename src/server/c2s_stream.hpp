#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/executor.hpp"
#include "net/connection.hpp"
#include "xml/parser.hpp"
#include "xmpp/jid.hpp"
#include "xmpp/sasl/server.hpp"
#include "xmpp/stanza.hpp"

namespace parley::server {

class Session;
class Shard;
class User;

// The stream of one client (RFC 6120 4): negotiation until a resource is bound or resumed, then stanzas for its
// session. Starts on the shard that accepted it and moves to its user's shard once that is known.
class C2sStream final : public net::Connection::Handler, public std::enable_shared_from_this<C2sStream> {
public:
    C2sStream(Shard& shard, std::unique_ptr<net::Connection> connection);
    ~C2sStream() override;
    void start(bool direct_tls);

    // For the session. `to` replaces the stanza's own address. Gives the bytes written.
    std::size_t write(const xmpp::Stanza& stanza, const xmpp::Jid* to = nullptr);
    void send_ack(std::uint32_t h);
    void request_ack();
    // Ends the stream with an error (RFC 6120 4.9); the session, if any, ends too.
    void close(std::string_view condition, std::string_view text = {});
    void close_for_shutdown();

    // Frees what an idle stream does not need; called by the shard every few seconds.
    void sweep();
    const net::Endpoint& remote() const { return connection_->remote(); }
    bool bound() const { return phase_ == Phase::bound; }

    // net::Connection::Handler
    void on_bytes(std::string_view bytes) override;
    void on_secured() override;
    void on_closed(const Error& why) override;

private:
    enum class Phase { opening, starting_tls, features, sasl, authenticated, bound, closing };

    void process();
    void on_header(const xml::Element& root);
    void on_element(xml::Element element);
    void on_stream_end();
    void on_bound_element(xml::Element element);
    void on_managed_element(const xml::Element& element);

    // Negotiation (c2s_negotiation.cpp).
    void send_header();
    void send_features();
    void on_negotiation_element(const xml::Element& element);
    void begin_tls();
    xmpp::SaslStream sasl_stream() const;
    void on_auth(const xml::Element& element);
    void perform(xmpp::SaslServer::Step step);
    void sasl_failed(std::string_view condition);
    void sasl_succeeded(const xmpp::SaslServer::Success& success);
    void on_bind(const xmpp::Stanza& request);
    void finish_bind(const xmpp::Stanza& request, User* user);
    void on_resume(const xml::Element& element);
    void finish_resume(const std::string& resume_id, std::uint32_t h, User* user);
    // Goes on on the shard of our user: `then` runs there, or not at all if the client has gone.
    void move_to_home(Function<void()> then);

    void send(std::string_view text);
    void send(const xml::Element& element);
    void wait();  // stops taking items until go_on(): an answer is being waited for
    void go_on();
    void parser_failed(const Error& error);
    void end_session(bool clean);

    Shard* shard_;
    std::unique_ptr<net::Connection> connection_;
    xml::StreamParser parser_;
    std::optional<Error> parser_error_;
    std::string domain_;  // what the client asked for
    xmpp::Jid user_;      // authenticated, bare
    std::shared_ptr<Session> session_;
    std::unique_ptr<xmpp::SaslServer> sasl_;
    Timer deadline_;  // to authenticate
    Phase phase_ = Phase::opening;
    int sasl_failures_ = 0;
    std::uint16_t elements_ = 0;  // before authentication
    bool secured_ = false;
    bool header_sent_ = false;
    bool waiting_ = false;
    bool processing_ = false;
    bool active_ = false;  // bytes came since the last sweep
    bool away_ = false;    // on its way to another shard
};

}  // namespace parley::server
