// What a partner's web server says of its certificate (RFC 7711): the JSON document, and the address to which it may
// refer.
#include "server/s2s/posh_document.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "net/https_get.hpp"

namespace {

using namespace parley;

void must(bool holds) {
    if (!holds) std::abort();
}

void check_url(std::string_view text) {
    const auto url = net::parse_https_url(text);
    if (!url) return;
    must(!url->host.empty() && url->port != 0 && url->path.starts_with('/'));
    // It goes into a request as it is.
    for (const char c : url->path) must(c > ' ' && c < 0x7f && c != '#');
    for (const char c : url->host) must(c > ' ' && c < 0x7f && c != '/' && c != ':' && c != '@');
    const auto again = net::parse_https_url("https://" + url->host + ':' + std::to_string(url->port) + url->path);
    must(again && *again == *url);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    check_url(text);
    const auto document = server::parse_posh(text);
    if (!document) {
        must(!document.error().detail.empty());
        return 0;
    }
    must(document->expires.count() > 0);
    must(document->is_reference() == (document->sha256.empty() && document->sha512.empty()));
    must(document->sha256.size() <= server::PoshDocument::most_fingerprints);
    for (const auto& digest : document->sha256) must(digest.size() == 32);
    for (const auto& digest : document->sha512) must(digest.size() == 64);
    must(!document->names("no certificate"));
    if (document->is_reference()) check_url(document->url);
    return 0;
}
