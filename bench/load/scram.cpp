#include "bench/load/scram.hpp"

#include <array>
#include <charconv>
#include <map>
#include <tuple>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

namespace parley::bench {
namespace {

struct Keys {
    std::string client, stored, server;
};

const EVP_MD* digest(Mechanism mechanism) {
    return mechanism == Mechanism::scram_sha_1 ? EVP_sha1() : EVP_sha256();
}

const unsigned char* bytes(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

std::string hmac(const EVP_MD* md, std::string_view key, std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned size = 0;
    HMAC(md, key.data(), static_cast<int>(key.size()), bytes(text), text.size(), out.data(), &size);
    return {reinterpret_cast<const char*>(out.data()), size};
}

std::string hash(const EVP_MD* md, std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned size = 0;
    EVP_Digest(text.data(), text.size(), out.data(), &size, md, nullptr);
    return {reinterpret_cast<const char*>(out.data()), size};
}

const Keys& keys_for(Mechanism mechanism, const std::string& password, const std::string& salt, int iterations) {
    static std::map<std::tuple<Mechanism, std::string, std::string, int>, Keys> known;
    const auto [at, fresh] = known.try_emplace({mechanism, password, salt, iterations});
    if (fresh) {
        const auto* md = digest(mechanism);
        std::string salted(static_cast<std::size_t>(EVP_MD_get_size(md)), '\0');
        PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), bytes(salt),
                          static_cast<int>(salt.size()), iterations, md, static_cast<int>(salted.size()),
                          reinterpret_cast<unsigned char*>(salted.data()));
        auto& keys = at->second;
        keys.client = hmac(md, salted, "Client Key");
        keys.stored = hash(md, keys.client);
        keys.server = hmac(md, salted, "Server Key");
    }
    return at->second;
}

// The value of `name=` in "r=...,s=...,i=...".
std::string_view field(std::string_view message, char name) {
    while (!message.empty()) {
        const auto part = message.substr(0, message.find(','));
        if (part.size() > 2 && part[0] == name && part[1] == '=') return part.substr(2);
        message.remove_prefix(std::min(message.size(), part.size() + 1));
    }
    return {};
}

}  // namespace

std::string_view mechanism_name(Mechanism mechanism) {
    switch (mechanism) {
        case Mechanism::plain: return "PLAIN";
        case Mechanism::scram_sha_1: return "SCRAM-SHA-1";
        case Mechanism::scram_sha_256: break;
    }
    return "SCRAM-SHA-256";
}

std::optional<Mechanism> mechanism_from(std::string_view name) {
    for (const auto mechanism : {Mechanism::plain, Mechanism::scram_sha_1, Mechanism::scram_sha_256}) {
        if (mechanism_name(mechanism) == name) return mechanism;
    }
    return std::nullopt;
}

std::string base64_encode(std::string_view text) {
    std::string out((text.size() + 2) / 3 * 4 + 1, '\0');
    const int size =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes(text), static_cast<int>(text.size()));
    out.resize(static_cast<std::size_t>(size));
    return out;
}

std::string base64_decode(std::string_view text) {
    std::string out(text.size() / 4 * 3 + 3, '\0');
    const int size =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes(text), static_cast<int>(text.size()));
    if (size < 0) return {};
    const auto padding = text.ends_with("==") ? 2U : text.ends_with("=") ? 1U : 0U;
    out.resize(static_cast<std::size_t>(size) - padding);
    return out;
}

Scram::Scram(Mechanism mechanism, std::string user, std::string password)
    : mechanism_(mechanism), user_(std::move(user)), password_(std::move(password)) {}

std::string Scram::first() {
    std::array<char, 18> nonce{};
    RAND_bytes(reinterpret_cast<unsigned char*>(nonce.data()), static_cast<int>(nonce.size()));
    first_bare_ = "n=" + user_ + ",r=" + base64_encode({nonce.data(), nonce.size()});
    return "n,," + first_bare_;
}

std::optional<std::string> Scram::final(std::string_view server_first) {
    const auto nonce = field(server_first, 'r');
    const auto salt = base64_decode(field(server_first, 's'));
    const auto count = field(server_first, 'i');
    int iterations = 0;
    std::from_chars(count.data(), count.data() + count.size(), iterations);
    const auto own_nonce = first_bare_.substr(first_bare_.find(",r=") + 3);
    if (!nonce.starts_with(own_nonce) || salt.empty() || iterations <= 0) return std::nullopt;
    const auto& keys = keys_for(mechanism_, password_, salt, iterations);
    const auto without_proof = "c=biws,r=" + std::string(nonce);
    const auto auth_message = first_bare_ + ',' + std::string(server_first) + ',' + without_proof;
    const auto* md = digest(mechanism_);
    auto proof = hmac(md, keys.stored, auth_message);
    for (std::size_t i = 0; i < proof.size(); ++i) proof[i] = static_cast<char>(proof[i] ^ keys.client[i]);
    server_signature_ = hmac(md, keys.server, auth_message);
    return without_proof + ",p=" + base64_encode(proof);
}

bool Scram::verify(std::string_view server_final) const {
    return !server_signature_.empty() && base64_decode(field(server_final, 'v')) == server_signature_;
}

}  // namespace parley::bench
