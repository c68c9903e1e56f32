#include "server/s2s/posh_document.hpp"

#include <algorithm>

#include <boost/json.hpp>
#include <openssl/evp.h>

#include "base/hash.hpp"
#include "base/text.hpp"

namespace parley::server {
namespace {

namespace json = boost::json;

constexpr std::size_t sha256_size = 32, sha512_size = 64;
constexpr std::int64_t longest = std::int64_t{366} * 24 * 60 * 60;  // more is cut: who reads it keeps it for less

std::string sha512(std::string_view bytes) {
    std::string out(sha512_size, '\0');
    unsigned int size = 0;
    EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(out.data()), &size, EVP_sha512(), nullptr);
    return out;
}

// RFC 4648 4; an example of RFC 7711 3.1 lacks the padding.
std::string digest_of(const json::value* value, std::size_t size) {
    if (value == nullptr || !value->is_string()) return {};
    std::string text(value->get_string());
    if (text.size() > 2 * sha512_size) return {};
    while (text.size() % 4 != 0) text += '=';
    auto bytes = base64_decode(text);
    return bytes && bytes->size() == size ? *std::move(bytes) : std::string();
}

Error malformed(std::string why) {
    return {Errc::malformed, std::move(why)};
}

}  // namespace

bool PoshDocument::names(std::string_view certificate_der) const {
    const auto has = [](const auto& list, const std::string& digest) {
        return std::find(list.begin(), list.end(), digest) != list.end();
    };
    return has(sha256, parley::sha256(certificate_der)) || has(sha512, server::sha512(certificate_der));
}

Result<PoshDocument> parse_posh(std::string_view text) {
    json::parse_options options;
    options.max_depth = 8;
    json::error_code failed;
    json::monotonic_resource memory;
    const auto parsed = json::parse(text, failed, &memory, options);
    if (failed) return malformed("it is no JSON: " + failed.message());
    const auto* document = parsed.if_object();
    if (document == nullptr) return malformed("it is no JSON object");

    PoshDocument out;
    const auto* expires = document->if_contains("expires");
    if (expires == nullptr || !(expires->is_int64() || expires->is_uint64()))
        return malformed("\"expires\" is no whole number");
    const auto seconds = expires->is_uint64() ? longest : std::min(expires->get_int64(), longest);
    if (seconds <= 0) return malformed("it has expired");
    out.expires = Seconds{seconds};

    const auto* url = document->if_contains("url");
    const auto* fingerprints = document->if_contains("fingerprints");
    if ((url == nullptr) == (fingerprints == nullptr))
        return malformed("it must have either \"url\" or \"fingerprints\"");
    if (url != nullptr) {
        if (!url->is_string() || url->get_string().empty()) return malformed("\"url\" is no text");
        out.url = url->get_string();
        return out;
    }
    const auto* list = fingerprints->if_array();
    if (list == nullptr) return malformed("\"fingerprints\" is no list");
    if (list->size() > PoshDocument::most_fingerprints) return malformed("it has too many fingerprints");
    for (const auto& item : *list) {
        const auto* digests = item.if_object();
        if (digests == nullptr) return malformed("a fingerprint is no JSON object");
        if (auto digest = digest_of(digests->if_contains("sha-256"), sha256_size); !digest.empty())
            out.sha256.push_back(std::move(digest));
        if (auto digest = digest_of(digests->if_contains("sha-512"), sha512_size); !digest.empty())
            out.sha512.push_back(std::move(digest));
    }
    if (out.sha256.empty() && out.sha512.empty()) return malformed("it has no SHA-256 or SHA-512 fingerprint");
    return out;
}

}  // namespace parley::server
