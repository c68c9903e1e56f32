#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace parley::server {

// A document of POSH (RFC 7711 3): fingerprints of certificates, or a reference to where they are. Made by whoever has
// the web server of a domain.
struct PoshDocument {
    static constexpr std::size_t most_fingerprints = 64;

    std::string url{};                        // of a reference; else there are fingerprints
    std::vector<std::string> sha256, sha512;  // bytes
    Seconds expires{0};                       // at least 1
    bool is_reference() const { return !url.empty(); }
    // The certificate, in DER, is one of those.
    bool names(std::string_view certificate_der) const;
};

// Digests that nobody knows are left out; a document of which nothing is left is malformed, and so is one that is
// reference and fingerprints at once, or has expired (RFC 7711 3.1: 0 seconds).
Result<PoshDocument> parse_posh(std::string_view json);

}  // namespace parley::server
