#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "xmpp/sasl/scram_keys.hpp"

struct Gsasl_session;

namespace parley::xmpp {

// What the negotiation knows of the stream it runs on.
struct SaslStream {
    std::string domain;  // the local domain that the client spoke to
    bool tls = false;
    std::string tls_exporter;  // RFC 9266 channel binding, raw bytes; empty: the TLS connection has none
    std::string node_secret;   // makes up salts for users who do not exist; the same on all nodes and for years
};

// What an account store says of a user. Keys that are missing have no iterations.
struct SaslCredentials {
    ScramKeys sha1, sha256;
    bool disabled = false;  // told only to who knows the password
};

// The receiving side of one SASL negotiation (RFC 6120 6, RFC 5802, RFC 7677, RFC 4616): bytes in, one step out, no
// I/O. One object a try; any thread, one at a time. Bytes are raw here: sasl_data.hpp puts them into XML. EXTERNAL is
// decided by the stream.
//
// A user who does not exist goes the same way as a wrong password, at the same cost, with a salt that stays the same
// for that name.
class SaslServer {
public:
    struct Challenge {
        std::string data;
    };
    struct NeedAccount {  // look it up, then call account(); the localpart is prepared
        std::string local;
    };
    struct Success {
        std::string local;
        std::optional<std::string> additional_data;  // goes into <success/>
    };
    struct Failure {
        std::string_view condition;  // RFC 6120 6.5
        std::string detail;          // for our log
    };
    using Step = std::variant<Challenge, NeedAccount, Success, Failure>;

    // Strongest first, as they are advertised. PLAIN only inside TLS, -PLUS only with a channel binding.
    static std::vector<std::string_view> mechanisms(const SaslStream& stream);

    explicit SaslServer(SaslStream stream);
    ~SaslServer();
    SaslServer(SaslServer&&) noexcept;
    SaslServer& operator=(SaslServer&&) noexcept;

    // No initial response: an empty challenge asks for it (RFC 6120 6.4.2).
    Step start(std::string_view mechanism, const std::optional<std::string>& initial_response);
    Step response(std::string_view bytes);
    // The answer to NeedAccount; nothing: there is no such user.
    Step account(const std::optional<SaslCredentials>& credentials);
    // The look-up failed: nobody is told that the password was wrong.
    Step account_unavailable();

private:
    enum class State { idle, first, account, final, done };
    struct Finish {
        void operator()(Gsasl_session* session) const;
    };

    Step first_message(std::string_view bytes);
    Step check_password(const std::optional<SaslCredentials>& credentials);
    Step begin_scram(const std::optional<SaslCredentials>& credentials);
    Step final_message(std::string_view bytes);
    Step fail(std::string_view condition, std::string detail = {});
    bool own_authzid(std::string_view authzid) const;
    ScramKeys made_up_keys() const;

    SaslStream stream_;
    State state_ = State::idle;
    bool plain_ = false, known_ = false, disabled_ = false;
    ScramHash hash_ = ScramHash::sha256;
    std::string mechanism_, local_, first_, password_;
    std::unique_ptr<Gsasl_session, Finish> session_;
};

}  // namespace parley::xmpp
