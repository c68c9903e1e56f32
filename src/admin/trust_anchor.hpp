#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "admin/messages/message.hpp"

namespace parley::admin {

// Whether a file can be the trust anchor of DNSSEC: records of type DS or DNSKEY in the form of a zone file, as
// /usr/share/dns/root.key has them, and nothing else. What is wrong with it, or nothing.
std::optional<Message> check_trust_anchor(const std::filesystem::path& path);

// How many such records there are; nothing when a line is none.
std::optional<std::size_t> count_trust_anchors(std::string_view text);

}  // namespace parley::admin
