#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace parley::bench {

enum class Mechanism { plain, scram_sha_1, scram_sha_256 };
std::string_view mechanism_name(Mechanism mechanism);
std::optional<Mechanism> mechanism_from(std::string_view name);

std::string base64_encode(std::string_view bytes);
std::string base64_decode(std::string_view text);  // empty if it is not base64

// The client's side of RFC 5802 without channel binding. Salted keys are remembered for the whole process, so that the
// generator pays for the iterations once for each salt and not once for each log-in.
class Scram {
public:
    Scram(Mechanism mechanism, std::string user, std::string password);
    std::string first();
    std::optional<std::string> final(std::string_view server_first);
    bool verify(std::string_view server_final) const;

private:
    Mechanism mechanism_;
    std::string user_, password_;
    std::string first_bare_, server_signature_;
};

}  // namespace parley::bench
