#include "base/hash.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <xxhash.h>

namespace parley {
namespace {

std::string digest(const EVP_MD* kind, std::string_view bytes) {
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    EVP_Digest(bytes.data(), bytes.size(), out, &size, kind, nullptr);
    return {reinterpret_cast<const char*>(out), size};
}

}  // namespace

std::string sha1(std::string_view bytes) {
    return digest(EVP_sha1(), bytes);
}
std::string sha256(std::string_view bytes) {
    return digest(EVP_sha256(), bytes);
}

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(bytes.data()),
         bytes.size(), out, &size);
    return {reinterpret_cast<const char*>(out), size};
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::uint64_t xxh64(std::string_view bytes) {
    return XXH64(bytes.data(), bytes.size(), 0);
}

}  // namespace parley
