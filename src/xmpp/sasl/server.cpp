#include "xmpp/sasl/server.hpp"

#include <algorithm>

#include <gsasl.h>

#include "base/hash.hpp"
#include "base/text.hpp"
#include "xmpp/jid.hpp"
#include "xmpp/precis.hpp"
#include "xmpp/sasl/scram_message.hpp"

namespace parley::xmpp {
namespace {

constexpr std::string_view plain = "PLAIN";
constexpr int least_iterations = 4096;  // RFC 5802 5.1: the least that keys may have

struct ScramMechanism {
    std::string_view name;
    ScramHash hash;
    bool plus;
};
constexpr ScramMechanism scram_mechanisms[] = {
    {"SCRAM-SHA-256-PLUS", ScramHash::sha256, true},
    {"SCRAM-SHA-256", ScramHash::sha256, false},
    {"SCRAM-SHA-1-PLUS", ScramHash::sha1, true},
    {"SCRAM-SHA-1", ScramHash::sha1, false},
};

// One library handle for the process: after gsasl_init it is only read. Given back by the operating system.
Gsasl* library() {
    static Gsasl* const handle = [] {
        Gsasl* made = nullptr;
        return gsasl_init(&made) == GSASL_OK ? made : nullptr;
    }();
    return handle;
}

}  // namespace

void SaslServer::Finish::operator()(Gsasl_session* session) const {
    gsasl_finish(session);
}

SaslServer::SaslServer(SaslStream stream) : stream_(std::move(stream)) {}
SaslServer::~SaslServer() = default;
SaslServer::SaslServer(SaslServer&&) noexcept = default;
SaslServer& SaslServer::operator=(SaslServer&&) noexcept = default;

std::vector<std::string_view> SaslServer::mechanisms(const SaslStream& stream) {
    std::vector<std::string_view> names;
    for (const auto& mechanism : scram_mechanisms)
        if (!mechanism.plus || !stream.tls_exporter.empty()) names.push_back(mechanism.name);
    if (stream.tls) names.push_back(plain);
    return names;
}

SaslServer::Step SaslServer::fail(std::string_view condition, std::string detail) {
    state_ = State::done;
    session_.reset();
    return Failure{condition, std::move(detail)};
}

SaslServer::Step SaslServer::start(std::string_view mechanism, const std::optional<std::string>& initial_response) {
    if (state_ != State::idle) return fail("malformed-request", "a second <auth/>");
    if (mechanism == plain && !stream_.tls) return fail("encryption-required", "PLAIN without TLS");
    const auto offered = mechanisms(stream_);
    if (std::find(offered.begin(), offered.end(), mechanism) == offered.end())
        return fail("invalid-mechanism", "not offered");

    mechanism_ = mechanism;
    plain_ = mechanism == plain;
    for (const auto& scram : scram_mechanisms)
        if (scram.name == mechanism) hash_ = scram.hash;
    state_ = State::first;
    if (!initial_response) return Challenge{};
    return first_message(*initial_response);
}

SaslServer::Step SaslServer::response(std::string_view bytes) {
    switch (state_) {
        case State::first: return first_message(bytes);
        case State::final: return final_message(bytes);
        case State::idle:
        case State::account:
        case State::done: break;
    }
    return fail("malformed-request", "a response that nobody asked for");
}

// Reads who it is; the proof waits until the account is there.
SaslServer::Step SaslServer::first_message(std::string_view bytes) {
    std::string username, authzid;
    if (plain_) {
        auto message = parse_plain(bytes);
        if (!message) return fail("malformed-request", message.error().detail);
        username = message->username;
        authzid = message->authzid;
        password_ = std::move(message->password);
    } else {
        const auto message = parse_scram_client_first(bytes);
        if (!message) return fail("malformed-request", message.error().detail);
        username = message->username;
        authzid = message->authzid;
        first_ = bytes;
    }
    auto local = prepare_localpart(username);
    if (!local) return fail("not-authorized", "no user can have this name");
    local_ = *std::move(local);
    if (!own_authzid(authzid)) return fail("invalid-authzid", "somebody else's authorization identity");
    state_ = State::account;
    return NeedAccount{local_};
}

// RFC 6120 6.3.8: a user acts as nobody but the own bare JID.
bool SaslServer::own_authzid(std::string_view authzid) const {
    if (authzid.empty()) return true;
    const auto own = Jid::make(local_, stream_.domain);
    const auto asked = Jid::parse(authzid);
    return own && asked && *asked == *own;
}

SaslServer::Step SaslServer::account(const std::optional<SaslCredentials>& credentials) {
    if (state_ != State::account) return fail("temporary-auth-failure", "no account was asked for");
    disabled_ = credentials && credentials->disabled;
    return plain_ ? check_password(credentials) : begin_scram(credentials);
}

SaslServer::Step SaslServer::account_unavailable() {
    return fail("temporary-auth-failure", "the account could not be read");
}

// Unknown names get a salt that is the same at every try and on every node, as a real one is, and keys that no password
// gives.
ScramKeys SaslServer::made_up_keys() const {
    const std::string_view hash = hash_ == ScramHash::sha1 ? "sha1" : "sha256";
    const auto derived = [&](std::string_view what) {
        std::string input(what);
        for (const std::string_view part : {hash, std::string_view(local_), std::string_view(stream_.domain)})
            input.append(1, '\0').append(part);
        return hmac_sha256(stream_.node_secret, input);
    };
    const std::size_t size = hash_ == ScramHash::sha1 ? 20 : 32;
    return {derived("salt").substr(0, scram_salt_bytes), scram_iterations, derived("stored").substr(0, size),
            derived("server").substr(0, size)};
}

SaslServer::Step SaslServer::check_password(const std::optional<SaslCredentials>& credentials) {
    hash_ = credentials && credentials->sha256.iterations < least_iterations ? ScramHash::sha1 : ScramHash::sha256;
    const ScramKeys* keys = nullptr;
    if (credentials) keys = hash_ == ScramHash::sha1 ? &credentials->sha1 : &credentials->sha256;
    const bool usable = keys && keys->iterations >= least_iterations;
    const bool right = matches(hash_, usable ? *keys : made_up_keys(), password_);
    password_.clear();
    if (!usable || !right) return fail("not-authorized");
    if (disabled_) return fail("account-disabled");
    state_ = State::done;
    return Success{local_, std::nullopt};
}

SaslServer::Step SaslServer::begin_scram(const std::optional<SaslCredentials>& credentials) {
    const ScramKeys* found = nullptr;
    if (credentials) found = hash_ == ScramHash::sha1 ? &credentials->sha1 : &credentials->sha256;
    known_ = found && found->iterations >= least_iterations;
    const ScramKeys keys = known_ ? *found : made_up_keys();

    Gsasl_session* session = nullptr;
    if (!library() || gsasl_server_start(library(), mechanism_.c_str(), &session) != GSASL_OK)
        return fail("temporary-auth-failure", "GNU SASL did not start");
    session_.reset(session);
    const auto set = [&](Gsasl_property property, const std::string& value) {
        return gsasl_property_set(session, property, value.c_str()) == GSASL_OK;
    };
    bool ready = set(GSASL_SCRAM_ITER, std::to_string(keys.iterations)) &&
                 set(GSASL_SCRAM_SALT, base64_encode(keys.salt)) &&
                 set(GSASL_SCRAM_STOREDKEY, base64_encode(keys.stored_key)) &&
                 set(GSASL_SCRAM_SERVERKEY, base64_encode(keys.server_key));
    // For the mechanism without -PLUS too: only then does the library refuse a client that says it could have bound the
    // channel but saw no -PLUS ('y'), that is, one whose list of mechanisms was cut short on the way (RFC 5802 6).
    if (!stream_.tls_exporter.empty()) ready = ready && set(GSASL_CB_TLS_EXPORTER, base64_encode(stream_.tls_exporter));
    if (!ready) return fail("temporary-auth-failure", "GNU SASL took no properties");

    char* output = nullptr;
    std::size_t size = 0;
    const int result = gsasl_step(session, first_.data(), first_.size(), &output, &size);
    const std::unique_ptr<char, void (*)(void*)> owner(output, gsasl_free);
    if (result != GSASL_NEEDS_MORE) return fail("not-authorized", gsasl_strerror(result));
    state_ = State::final;
    return Challenge{std::string(output, size)};
}

SaslServer::Step SaslServer::final_message(std::string_view bytes) {
    char* output = nullptr;
    std::size_t size = 0;
    const int result = gsasl_step(session_.get(), bytes.data(), bytes.size(), &output, &size);
    const std::unique_ptr<char, void (*)(void*)> owner(output, gsasl_free);
    if (result == GSASL_MECHANISM_PARSE_ERROR) return fail("malformed-request", gsasl_strerror(result));
    if (result != GSASL_OK || !known_) return fail("not-authorized", gsasl_strerror(result));
    if (disabled_) return fail("account-disabled");
    state_ = State::done;
    Success success{local_, std::string(output, size)};
    session_.reset();
    return success;
}

}  // namespace parley::xmpp
