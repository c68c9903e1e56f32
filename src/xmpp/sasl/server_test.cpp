#include "xmpp/sasl/server.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/hash.hpp"
#include "base/text.hpp"
#include "xmpp/sasl/sasl_data.hpp"
#include "xmpp/sasl/scram_message.hpp"

namespace parley::xmpp {
namespace {

using namespace std::string_literals;
using Step = SaslServer::Step;

const std::string exporter = "0123456789abcdef0123456789abcdef";

SaslStream inside_tls() {
    return {"example.com", true, exporter, "secret of the node"};
}
SaslStream old_tls() {
    return {"example.com", true, "", "secret of the node"};
}

SaslCredentials credentials(std::string_view password) {
    SeededRandom random(7);
    return {*derive_scram_keys(ScramHash::sha1, password, random, 4096),
            *derive_scram_keys(ScramHash::sha256, password, random, 4096)};
}

// A SCRAM client in twenty lines, so that the server is not checked with the library it is made of.
struct Client {
    ScramHash hash = ScramHash::sha256;
    std::string gs2 = "n,,";
    std::string binding = {};  // what follows the GS2 header in c=
    std::string password = "pencil";
    std::string bare = "n=alice,r=clientnonce";
    std::string auth_message = {}, salted = {};

    std::string first() const { return gs2 + bare; }
    std::string mac(std::string_view key, std::string_view data) const {
        unsigned char out[EVP_MAX_MD_SIZE];
        unsigned int size = 0;
        HMAC(hash == ScramHash::sha1 ? EVP_sha1() : EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(data.data()), data.size(), out, &size);
        return {out, out + size};
    }
    static std::string field(const std::string& message, const std::string& name) {
        const auto at = ("," + message).find("," + name + "=");
        return at == std::string::npos ? "" : message.substr(at + 2, message.find(',', at + 2) - at - 2);
    }
    std::string final(const std::string& server_first) {
        const auto salt = *base64_decode(field(server_first, "s"));
        const int iterations = std::stoi(field(server_first, "i"));
        const auto* digest = hash == ScramHash::sha1 ? EVP_sha1() : EVP_sha256();
        unsigned char out[EVP_MAX_MD_SIZE];
        const int size = EVP_MD_get_size(digest);
        PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                          reinterpret_cast<const unsigned char*>(salt.data()), static_cast<int>(salt.size()),
                          iterations, digest, size, out);
        salted.assign(out, out + size);
        const auto without_proof = "c=" + base64_encode(gs2 + binding) + ",r=" + field(server_first, "r");
        auth_message = bare + "," + server_first + "," + without_proof;
        auto proof = mac(salted, "Client Key");
        const auto signature = mac(hash == ScramHash::sha1 ? sha1(proof) : sha256(proof), auth_message);
        for (std::size_t i = 0; i < proof.size(); ++i) proof[i] = static_cast<char>(proof[i] ^ signature[i]);
        return without_proof + ",p=" + base64_encode(proof);
    }
    std::string server_signature() const { return "v=" + base64_encode(mac(mac(salted, "Server Key"), auth_message)); }
};

std::string condition(const Step& step) {
    const auto* failure = std::get_if<SaslServer::Failure>(&step);
    return failure ? std::string(failure->condition) : step.index() == 2 ? "success" : "no end";
}

// The whole negotiation; the answer is its end.
Step negotiate(SaslStream stream, std::string_view mechanism, Client& client,
               const std::optional<SaslCredentials>& account) {
    SaslServer server(std::move(stream));
    auto step = server.start(mechanism, client.first());
    if (!std::holds_alternative<SaslServer::NeedAccount>(step)) return step;
    step = server.account(account);
    const auto* challenge = std::get_if<SaslServer::Challenge>(&step);
    if (!challenge) return step;
    return server.response(client.final(challenge->data));
}

TEST(SaslServer, OffersTheStrongestFirst) {
    using Names = std::vector<std::string_view>;
    EXPECT_EQ(SaslServer::mechanisms(inside_tls()),
              (Names{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "PLAIN"}));
    EXPECT_EQ(SaslServer::mechanisms(old_tls()), (Names{"SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"}));
    EXPECT_EQ(SaslServer::mechanisms({"example.com", false, "", "s"}), (Names{"SCRAM-SHA-256", "SCRAM-SHA-1"}));
}

TEST(SaslServer, ScramEndsAsItMust) {
    struct Case {
        std::string_view why, mechanism;
        SaslStream stream;
        Client client;
        std::string end;
    };
    const std::string bind = "p=tls-exporter,,";
    const std::string unique = "p=tls-unique,,";
    const auto sha1 = ScramHash::sha1;
    const auto sha256 = ScramHash::sha256;
    const std::vector<Case> cases = {
        {"SHA-256", "SCRAM-SHA-256", old_tls(), {sha256}, "success"},
        {"SHA-1", "SCRAM-SHA-1", old_tls(), {sha1}, "success"},
        {"no channel binding though it was offered", "SCRAM-SHA-256", inside_tls(), {sha256}, "success"},
        {"the client can bind and there is nothing to bind to", "SCRAM-SHA-256", old_tls(), {sha256, "y,,"}, "success"},
        {"RFC 5802 6: the client can bind, and did not see our -PLUS",
         "SCRAM-SHA-256",
         inside_tls(),
         {sha256, "y,,"},
         "not-authorized"},
        {"the same with SHA-1", "SCRAM-SHA-1", inside_tls(), {sha1, "y,,"}, "not-authorized"},
        {"SHA-256-PLUS", "SCRAM-SHA-256-PLUS", inside_tls(), {sha256, bind, exporter}, "success"},
        {"SHA-1-PLUS", "SCRAM-SHA-1-PLUS", inside_tls(), {sha1, bind, exporter}, "success"},
        {"bound to another connection",
         "SCRAM-SHA-256-PLUS",
         inside_tls(),
         {sha256, bind, "another"},
         "not-authorized"},
        {"bound to nothing", "SCRAM-SHA-256-PLUS", inside_tls(), {sha256, bind, ""}, "not-authorized"},
        {"-PLUS without binding", "SCRAM-SHA-256-PLUS", inside_tls(), {sha256, "n,,"}, "not-authorized"},
        {"a binding type that we do not have",
         "SCRAM-SHA-256-PLUS",
         inside_tls(),
         {sha256, unique, exporter},
         "not-authorized"},
        {"-PLUS is not offered without a binding",
         "SCRAM-SHA-256-PLUS",
         old_tls(),
         {sha256, bind, exporter},
         "invalid-mechanism"},
        {"a mechanism of another name", "SCRAM-SHA-512", inside_tls(), {sha256}, "invalid-mechanism"},
        {"wrong password", "SCRAM-SHA-256", old_tls(), {sha256, "n,,", "", "pen"}, "not-authorized"},
        {"a proof of the other hash's length", "SCRAM-SHA-256", old_tls(), {sha1}, "malformed-request"},
        {"own authorization identity", "SCRAM-SHA-256", old_tls(), {sha256, "n,a=alice@example.com,"}, "success"},
        {"spelled differently", "SCRAM-SHA-256", old_tls(), {sha256, "n,a=Alice@EXAMPLE.com,"}, "success"},
        {"another user's", "SCRAM-SHA-256", old_tls(), {sha256, "n,a=bob@example.com,"}, "invalid-authzid"},
        {"at another domain", "SCRAM-SHA-256", old_tls(), {sha256, "n,a=alice@example.net,"}, "invalid-authzid"},
        {"a full JID", "SCRAM-SHA-256", old_tls(), {sha256, "n,a=alice@example.com/x,"}, "invalid-authzid"},
        {"capitals in the name",
         "SCRAM-SHA-256",
         old_tls(),
         {sha256, "n,,", "", "pencil", "n=ALICE,r=nonce"},
         "success"},
        {"a name that nobody can have",
         "SCRAM-SHA-256",
         old_tls(),
         {sha256, "n,,", "", "pencil", "n=a b,r=nonce"},
         "not-authorized"},
        {"no name", "SCRAM-SHA-256", old_tls(), {sha256, "n,,", "", "pencil", "n=,r=nonce"}, "malformed-request"},
        {"an escape that is none",
         "SCRAM-SHA-256",
         old_tls(),
         {sha256, "n,,", "", "pencil", "n=a=2D,r=nonce"},
         "malformed-request"},
        {"a mandatory extension",
         "SCRAM-SHA-256",
         old_tls(),
         {sha256, "n,,", "", "pencil", "m=x,n=alice,r=nonce"},
         "malformed-request"},
    };
    const auto account = credentials("pencil");
    for (const auto& c : cases) {
        SCOPED_TRACE(c.why);
        Client client = c.client;
        const auto end = negotiate(c.stream, c.mechanism, client, account);
        EXPECT_EQ(condition(end), c.end);
        if (const auto* success = std::get_if<SaslServer::Success>(&end)) {
            EXPECT_EQ(success->local, "alice");
            EXPECT_EQ(success->additional_data, client.server_signature());
        }
    }
}

TEST(SaslServer, AnUnknownUserLooksLikeAWrongPassword) {
    const auto challenge = [](const std::string& name, const std::optional<SaslCredentials>& account,
                              std::string_view mechanism = "SCRAM-SHA-256") {
        SaslServer server(old_tls());
        (void)server.start(mechanism, "n,,n=" + name + ",r=nonce");
        return std::get<SaslServer::Challenge>(server.account(account)).data;
    };
    const auto salt = [](const std::string& message) { return Client::field(message, "s"); };
    SeededRandom random(3);
    const SaslCredentials fresh{*derive_scram_keys(ScramHash::sha1, "x", random),
                                *derive_scram_keys(ScramHash::sha256, "x", random)};
    const auto real = challenge("alice", fresh), fake = challenge("nobody", std::nullopt);
    EXPECT_EQ(salt(real).size(), salt(fake).size());
    EXPECT_EQ(Client::field(real, "i"), Client::field(fake, "i"));
    EXPECT_EQ(salt(fake), salt(challenge("nobody", std::nullopt)));  // asked twice, the same salt
    EXPECT_EQ(salt(fake), salt(challenge("NOBODY", std::nullopt)));
    EXPECT_NE(salt(fake), salt(challenge("nobody2", std::nullopt)));
    EXPECT_NE(salt(fake), salt(challenge("nobody", std::nullopt, "SCRAM-SHA-1")));

    Client client;
    EXPECT_EQ(condition(negotiate(old_tls(), "SCRAM-SHA-256", client, std::nullopt)), "not-authorized");
    SaslCredentials without_sha256{fresh.sha1, {}};
    EXPECT_EQ(condition(negotiate(old_tls(), "SCRAM-SHA-256", client, without_sha256)), "not-authorized");
}

TEST(SaslServer, TellsThatAnAccountIsDisabledOnlyToItsUser) {
    auto account = credentials("pencil");
    account.disabled = true;
    Client right, wrong;
    wrong.password = "pen";
    EXPECT_EQ(condition(negotiate(old_tls(), "SCRAM-SHA-256", right, account)), "account-disabled");
    EXPECT_EQ(condition(negotiate(old_tls(), "SCRAM-SHA-256", wrong, account)), "not-authorized");
    for (const auto& [password, end] : {std::pair{"pencil", "account-disabled"}, std::pair{"pen", "not-authorized"}}) {
        SaslServer server(old_tls());
        (void)server.start("PLAIN", "\0alice\0"s + password);
        EXPECT_EQ(condition(server.account(account)), end);
    }
}

TEST(SaslServer, PlainEndsAsItMust) {
    struct Case {
        std::string_view why;
        std::string message, end;
    };
    const auto account = credentials("\u00E5 pencil");
    for (const auto& c : {
             Case{"right", "\0alice\0\u00E5 pencil"s, "success"},
             Case{"another spelling of the password", "\0alice\0a\u030A\u00A0pencil"s, "success"},
             Case{"own authorization identity", "alice@example.com\0alice\0\u00E5 pencil"s, "success"},
             Case{"another's", "bob@example.com\0alice\0\u00E5 pencil"s, "invalid-authzid"},
             Case{"wrong", "\0alice\0pencil"s, "not-authorized"},
             Case{"no password", "\0alice\0"s, "malformed-request"},
             Case{"no name", "\0\0pencil"s, "malformed-request"},
             Case{"two parts", "alice\0pencil"s, "malformed-request"},
             Case{"four parts", "\0alice\0pencil\0"s, "malformed-request"},
             Case{"not UTF-8", "\0alice\0\xFF"s, "malformed-request"},
             Case{"a name that nobody can have", "\0a@b\0pencil"s, "not-authorized"},
             Case{"nothing", "", "malformed-request"},
         }) {
        SCOPED_TRACE(c.why);
        SaslServer server(old_tls());
        auto step = server.start("PLAIN", c.message);
        if (const auto* need = std::get_if<SaslServer::NeedAccount>(&step)) {
            EXPECT_EQ(need->local, "alice");
            step = server.account(account);
        }
        EXPECT_EQ(condition(step), c.end);
        if (const auto* success = std::get_if<SaslServer::Success>(&step)) {
            EXPECT_FALSE(success->additional_data);
        }
    }
    SaslServer unknown(old_tls());
    (void)unknown.start("PLAIN", "\0bob\0pencil"s);
    EXPECT_EQ(condition(unknown.account(std::nullopt)), "not-authorized");
    SaslServer sha1_only(old_tls());
    (void)sha1_only.start("PLAIN", "\0alice\0\u00E5 pencil"s);
    EXPECT_EQ(condition(sha1_only.account(SaslCredentials{account.sha1, {}})), "success");
    SaslServer clear({"example.com", false, "", "s"});
    EXPECT_EQ(condition(clear.start("PLAIN", "\0alice\0pencil"s)), "encryption-required");
}

TEST(SaslServer, AsksForAFirstMessageThatIsMissing) {  // RFC 6120 6.4.2
    SaslServer server(old_tls());
    const auto step = server.start("PLAIN", std::nullopt);
    ASSERT_TRUE(std::holds_alternative<SaslServer::Challenge>(step));
    EXPECT_EQ(std::get<SaslServer::Challenge>(step).data, "");
    EXPECT_TRUE(std::holds_alternative<SaslServer::NeedAccount>(server.response("\0alice\0pencil"s)));
}

TEST(SaslServer, RefusesWhatComesOutOfTurn) {
    const auto account = credentials("pencil");
    SaslServer none(old_tls());
    EXPECT_EQ(condition(none.response("x")), "malformed-request");
    SaslServer early(old_tls());
    (void)early.start("SCRAM-SHA-256", "n,,n=alice,r=nonce");
    EXPECT_EQ(condition(early.response("c=biws")), "malformed-request");
    EXPECT_EQ(condition(early.account(account)), "temporary-auth-failure");
    SaslServer twice(old_tls());
    (void)twice.start("SCRAM-SHA-256", "n,,n=alice,r=nonce");
    EXPECT_EQ(condition(twice.start("PLAIN", "\0alice\0pencil"s)), "malformed-request");
    SaslServer store_down(old_tls());
    (void)store_down.start("PLAIN", "\0alice\0pencil"s);
    EXPECT_EQ(condition(store_down.account_unavailable()), "temporary-auth-failure");
    for (const auto* bytes : {"", "c=biws", "c=biws,r=x,p=AAAA", "c=!,r=x,p=y", "p=", ",,,,"}) {
        SCOPED_TRACE(bytes);
        SaslServer server(old_tls());
        (void)server.start("SCRAM-SHA-256", "n,,n=alice,r=nonce");
        (void)server.account(account);
        const auto end = condition(server.response(bytes));
        EXPECT_TRUE(end == "not-authorized" || end == "malformed-request") << end;
    }
}

TEST(SaslData, IsBase64OrNothingOrAnEqualsSign) {  // RFC 6120 6.4.2
    using Bytes = std::optional<std::string>;
    for (const auto& [text, bytes] : {std::pair<std::string, Bytes>{"", std::nullopt}, {"=", ""}, {"AGE=", "\0a"s}}) {
        SCOPED_TRACE(text);
        const auto decoded = decode_sasl_data(text);
        ASSERT_TRUE(decoded);
        EXPECT_EQ(*decoded, bytes);
        EXPECT_EQ(encode_sasl_data(bytes), text);
    }
    EXPECT_EQ(decode_sasl_data("A").error().code, Errc::malformed);
    EXPECT_EQ(decode_sasl_data("AG E=").error().code, Errc::malformed);
    EXPECT_EQ(decode_sasl_data(std::string(sasl_data_max + 4, 'A')).error().code, Errc::too_long);
    EXPECT_EQ(external_initial_response("a.example"), "YS5leGFtcGxl");
}

}  // namespace
}  // namespace parley::xmpp
