#include "net/tlsa.hpp"

#include <algorithm>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/text.hpp"

namespace parley::net {
namespace {

constexpr std::size_t largest_data = 16'384;  // a whole certificate; a digest is 64 bytes at most
constexpr std::size_t sha256_size = 32, sha512_size = 64;

// All of `data` is one certificate, or one public key.
bool is_der(std::uint8_t selector, std::string_view data) {
    const auto* at = reinterpret_cast<const unsigned char*>(data.data());
    const auto* const end = at + data.size();
    bool good = false;
    if (selector == 0) {
        X509* certificate = d2i_X509(nullptr, &at, static_cast<long>(data.size()));
        good = certificate != nullptr && X509_get0_pubkey(certificate) != nullptr;
        X509_free(certificate);
    } else {
        EVP_PKEY* key = d2i_PUBKEY(nullptr, &at, static_cast<long>(data.size()));
        good = key != nullptr;
        EVP_PKEY_free(key);
    }
    ERR_clear_error();
    return good && at == end;
}

}  // namespace

std::optional<TlsaRecord> parse_tlsa(std::string_view rdata) {
    if (rdata.size() <= 3 || rdata.size() > largest_data + 3) return std::nullopt;
    const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(rdata[at]); };
    return TlsaRecord{byte(0), byte(1), byte(2), std::string(rdata.substr(3))};
}

bool is_usable(const TlsaRecord& record) {
    if (record.usage > tlsa_dane_ee || record.selector > 1) return false;
    switch (record.matching) {
        case 0: return is_der(record.selector, record.data);
        case 1: return record.data.size() == sha256_size;
        case 2: return record.data.size() == sha512_size;
        default: return false;
    }
}

std::vector<TlsaRecord> usable(std::vector<TlsaRecord> records) {
    std::erase_if(records, [](const TlsaRecord& record) { return !is_usable(record); });
    return records;
}

std::string to_string(const TlsaRecord& record) {
    return std::to_string(record.usage) + ' ' + std::to_string(record.selector) + ' ' +
           std::to_string(record.matching) + ' ' + hex_encode(record.data);
}

std::string tlsa_name(std::string_view host, std::uint16_t port) {
    return '_' + std::to_string(port) + "._tcp." + std::string(host);
}

std::optional<TlsaRecord> tlsa_for_key_of(std::string_view certificate_der) {
    const auto* at = reinterpret_cast<const unsigned char*>(certificate_der.data());
    X509* certificate = d2i_X509(nullptr, &at, static_cast<long>(certificate_der.size()));
    unsigned char* key = nullptr;
    const auto size = certificate == nullptr ? -1 : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &key);
    X509_free(certificate);
    ERR_clear_error();
    if (size <= 0) return std::nullopt;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int digest_size = 0;
    const bool done = EVP_Digest(key, static_cast<std::size_t>(size), digest, &digest_size, EVP_sha256(), nullptr) == 1;
    OPENSSL_free(key);
    if (!done) return std::nullopt;
    return TlsaRecord{tlsa_dane_ee, 1, 1, std::string(reinterpret_cast<const char*>(digest), digest_size)};
}

}  // namespace parley::net
