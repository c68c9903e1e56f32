#include "xmpp/sasl/scram_keys.hpp"

#include <array>
#include <cstdint>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/hash.hpp"
#include "xmpp/precis.hpp"

namespace parley::xmpp {
namespace {

const EVP_MD* digest(ScramHash hash) {
    return hash == ScramHash::sha1 ? EVP_sha1() : EVP_sha256();
}

const unsigned char* bytes(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());  // NOLINT: OpenSSL wants unsigned bytes
}

std::string hmac(ScramHash hash, std::string_view key, std::string_view data) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned int size = 0;
    HMAC(digest(hash), key.data(), static_cast<int>(key.size()), bytes(data), data.size(), out.data(), &size);
    return {out.begin(), out.begin() + size};
}

std::string hashed(ScramHash hash, std::string_view data) {
    return hash == ScramHash::sha1 ? sha1(data) : sha256(data);
}

// Hi() of RFC 5802 2.2, which is PBKDF2 with HMAC.
std::string salted_password(ScramHash hash, std::string_view password, std::string_view salt, int iterations) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    const int size = EVP_MD_get_size(digest(hash));
    PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), bytes(salt), static_cast<int>(salt.size()),
                      iterations, digest(hash), size, out.data());
    return {out.begin(), out.begin() + size};
}

std::string fresh_salt(Random& random) {
    std::string salt;
    while (salt.size() < scram_salt_bytes)
        for (auto [left, word] = std::pair{8, random.next()}; left > 0 && salt.size() < scram_salt_bytes;
             --left, word >>= 8)
            salt.push_back(static_cast<char>(word & 0xFF));
    return salt;
}

}  // namespace

ScramKeys scram_keys_with_salt(ScramHash hash, std::string_view prepared_password, std::string_view salt,
                               int iterations) {
    const auto salted = salted_password(hash, prepared_password, salt, iterations);
    return {std::string(salt), iterations, hashed(hash, hmac(hash, salted, "Client Key")),
            hmac(hash, salted, "Server Key")};
}

Result<ScramKeys> derive_scram_keys(ScramHash hash, std::string_view password, Random& random, int iterations) {
    const auto prepared = prepare_password(password);
    if (!prepared) return prepared.error();
    return scram_keys_with_salt(hash, *prepared, fresh_salt(random), iterations);
}

bool matches(ScramHash hash, const ScramKeys& keys, std::string_view password) {
    const auto prepared = prepare_password(password);
    if (!prepared || keys.iterations <= 0) return false;
    const auto derived = scram_keys_with_salt(hash, *prepared, keys.salt, keys.iterations);
    return equal_in_constant_time(derived.stored_key, keys.stored_key) &&
           equal_in_constant_time(derived.server_key, keys.server_key);
}

}  // namespace parley::xmpp
