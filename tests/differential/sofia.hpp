#pragma once

#include <optional>
#include <string_view>

#include "facts.hpp"

namespace parley::differential {

// sofia-sip's reading of one framed message; nothing if it refuses it or flags an error. Its macros stay in sofia.cpp.
// `why`, if given, then names the reason: "a header", "start line", "sanity" or "framing".
std::optional<Facts> read_with_sofia(std::string_view bytes, std::string* why = nullptr);

}  // namespace parley::differential
