#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/executor.hpp"
#include "im/envelope.hpp"
#include "server/address_limits.hpp"
#include "server/token_bucket.hpp"
#include "server/xml_stream.hpp"
#include "xmpp/jid.hpp"
#include "xmpp/sasl/server.hpp"
#include "xmpp/stanza.hpp"

namespace parley::server {

class Session;
class Shard;
class User;

// The stream of one client (RFC 6120 4): negotiation until a resource is bound or resumed, then stanzas for its
// session. Starts on the shard that accepted it and moves to its user's shard once that is known.
class C2sStream final : public XmlStream, public std::enable_shared_from_this<C2sStream> {
public:
    C2sStream(Shard& shard, std::unique_ptr<net::Connection> connection, AddressLimits::Place place = {});
    ~C2sStream() override;
    void start(bool direct_tls);

    // For the session. Gives the bytes written.
    std::size_t write(const im::Envelope& envelope);
    void send_ack(std::uint32_t h);
    void request_ack();
    void close_for_shutdown();
    bool bound() const { return phase_ == Phase::bound; }

private:
    enum class Phase { opening, starting_tls, features, sasl, authenticated, bound };

    // XmlStream
    void on_header(const xml::Element& root) override;
    void on_element(xml::Element element) override;
    void on_stream_end() override;
    void send_header() override;
    void before_close() override { end_session(true); }
    std::string refusing(std::string_view condition, std::string_view text) override;
    bool in_handshake() const override { return phase_ == Phase::starting_tls; }
    void woke() override;
    void on_bytes(std::string_view bytes) override;
    void on_drained() override;
    void on_secured() override;
    void on_closed(const Error& why) override;

    void on_bound_element(xml::Element element);
    void on_managed_element(const xml::Element& element);

    void slow_down(Millis pause);

    // Negotiation (c2s_negotiation.cpp).
    void send_features();
    void on_negotiation_element(const xml::Element& element);
    void begin_tls();
    xmpp::SaslStream sasl_stream();
    void on_auth(const xml::Element& element);
    void perform(xmpp::SaslServer::Step step);
    void sasl_failed(std::string_view condition);
    void sasl_succeeded(const xmpp::SaslServer::Success& success);
    void on_bind(const xmpp::Stanza& request);
    void finish_bind(const xmpp::Stanza& request, const Result<User*>& found);
    void on_resume(const xml::Element& element);
    void finish_resume(const std::string& resume_id, std::uint32_t h, User* user);
    // Goes on on the shard of our user: `then` runs there, or not at all if the client has gone.
    void move_to_home(Function<void()> then);

    using XmlStream::send;
    void send(const xml::Element& element);
    void end_session(bool clean);

    Shard* shard_;
    std::string domain_;  // what the client asked for
    xmpp::Jid user_;      // authenticated, bare
    std::shared_ptr<Session> session_;
    std::unique_ptr<xmpp::SaslServer> sasl_;
    std::string exporter_;  // the channel binding, until somebody has signed in: it costs a derivation of keys
    AddressLimits::Place place_;
    TokenBucket stanzas_, bytes_;
    Timer pause_;     // over its rate: not read until it is due
    Timer deadline_;  // to authenticate
    Phase phase_ = Phase::opening;
    std::string account_;  // whom it tries to sign in as, if there is such a user
    int sasl_failures_ = 0;
    std::uint16_t elements_ = 0;  // before authentication
    bool secured_ = false;
};

}  // namespace parley::server
