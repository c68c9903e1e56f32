#include "xmpp/sasl/scram_keys.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/hash.hpp"
#include "base/text.hpp"

namespace parley::xmpp {
namespace {

std::string hmac(ScramHash hash, std::string_view key, std::string_view data) {
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    HMAC(hash == ScramHash::sha1 ? EVP_sha1() : EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(data.data()), data.size(), out, &size);
    return {out, out + size};
}

// The two example conversations: whose keys verify the printed proof and give the printed signature are the right keys.
TEST(ScramKeys, AreThoseOfTheExamplesInTheRfcs) {
    struct Case {
        std::string_view rfc;
        ScramHash hash;
        std::string_view salt, auth_message, proof, signature;
    };
    for (const auto& c : {
             Case{"RFC 5802 5", ScramHash::sha1, "QSXCR+Q6sek8bf92",
                  "n=user,r=fyko+d2lbbFgONRv9qkxdawL,"
                  "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096,"
                  "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
                  "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "rmF9pqV8S7suAoZWja4dJRkFsKQ="},
             Case{"RFC 7677 3", ScramHash::sha256, "W22ZaJ0SNY7soEsUEjb6gQ==",
                  "n=user,r=rOprNGfwEbeRWgbNEkqO,"
                  "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
                  "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
                  "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
         }) {
        SCOPED_TRACE(c.rfc);
        const auto keys = scram_keys_with_salt(c.hash, "pencil", *base64_decode(c.salt), 4096);
        EXPECT_EQ(base64_encode(hmac(c.hash, keys.server_key, c.auth_message)), c.signature);
        auto client_key = *base64_decode(c.proof);
        const auto client_signature = hmac(c.hash, keys.stored_key, c.auth_message);
        for (std::size_t i = 0; i < client_key.size(); ++i)
            client_key[i] = static_cast<char>(client_key[i] ^ client_signature[i]);
        EXPECT_EQ(c.hash == ScramHash::sha1 ? sha1(client_key) : sha256(client_key), keys.stored_key);
    }
}

TEST(ScramKeys, ComeFromThePreparedPasswordAndAFreshSalt) {
    SeededRandom random(1);
    for (const auto hash : {ScramHash::sha1, ScramHash::sha256}) {
        const auto keys = derive_scram_keys(hash, "caf\u00E9 \u2666", random);
        ASSERT_TRUE(keys);
        EXPECT_EQ(keys->salt.size(), scram_salt_bytes);
        EXPECT_EQ(keys->iterations, scram_iterations);
        EXPECT_EQ(keys->stored_key.size(), hash == ScramHash::sha1 ? 20U : 32U);
        EXPECT_TRUE(matches(hash, *keys, "caf\u00E9 \u2666"));
        EXPECT_TRUE(matches(hash, *keys, "cafe\u0301\u00A0\u2666"));  // RFC 8265 4.2.2: NFC, and spaces are spaces
        EXPECT_FALSE(matches(hash, *keys, "Caf\u00E9 \u2666"));
        EXPECT_FALSE(matches(hash, *keys, ""));
        EXPECT_FALSE(matches(hash, *keys, "caf\u00E9\t"));
        EXPECT_NE(derive_scram_keys(hash, "caf\u00E9 \u2666", random)->salt, keys->salt);
    }
    EXPECT_EQ(derive_scram_keys(ScramHash::sha256, "a\tb", random).error().code, Errc::malformed);
    EXPECT_EQ(derive_scram_keys(ScramHash::sha256, "", random).error().code, Errc::malformed);
    EXPECT_FALSE(matches(ScramHash::sha256, ScramKeys{}, "x"));
}

// Where the older SASLprep (RFC 4013) would change a character, we do not: who uses such a password needs a client that
// does as we do.
TEST(ScramKeys, KeepCompatibilityCharactersApart) {
    SeededRandom random(1);
    const auto keys = derive_scram_keys(ScramHash::sha256, "\u2168", random, 4096);
    EXPECT_TRUE(matches(ScramHash::sha256, *keys, "\u2168"));
    EXPECT_FALSE(matches(ScramHash::sha256, *keys, "IX"));
}

}  // namespace
}  // namespace parley::xmpp
