#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/random.hpp"

namespace parley::xmpp {

// RFC 5802 3: what a server keeps instead of the password, for one hash. Raw bytes.
struct ScramKeys {
    std::string salt;
    int iterations = 0;  // at least 4096; new keys have scram_iterations
    std::string stored_key;
    std::string server_key;
    bool operator==(const ScramKeys&) const = default;
};

inline constexpr int scram_iterations = 10'000;
inline constexpr std::size_t scram_salt_bytes = 16;
enum class ScramHash { sha1, sha256 };

// Prepares the password (RFC 8265 OpaqueString) and derives keys with a fresh salt. malformed: the password holds what
// is not allowed.
Result<ScramKeys> derive_scram_keys(ScramHash hash, std::string_view password, Random& random,
                                    int iterations = scram_iterations);
// The same with a salt that is known, raw bytes; `prepared_password` is taken as it is.
ScramKeys scram_keys_with_salt(ScramHash hash, std::string_view prepared_password, std::string_view salt,
                               int iterations);
// For PLAIN: does this password give these keys?
bool matches(ScramHash hash, const ScramKeys& keys, std::string_view password);

}  // namespace parley::xmpp
