#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "admin/messages/message.hpp"
#include "admin/problem.hpp"
#include "base/clock.hpp"

namespace parley::admin {

struct CertificateFinding {
    enum class About { certificate, key, name } about;
    Message what;
    std::optional<Message> fix;
    Severity severity = Severity::error;
};

// What would make the TLS layer refuse these files, or a client refuse us for them: read, parsed, compared, dated and
// held against the names it has to cover. Self-signed is fine here.
std::vector<CertificateFinding> check_certificate(const std::filesystem::path& certificate,
                                                  const std::filesystem::path& key,
                                                  const std::vector<std::string>& domains, TimePoint now);

// How many certificates the file holds, or why it cannot be used.
std::optional<Message> check_trust_file(const std::filesystem::path& file);

}  // namespace parley::admin
