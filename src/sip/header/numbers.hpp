#pragma once

#include <optional>
#include <string_view>

#include "base/clock.hpp"

namespace parley::sip {

// RFC 3261 25.1 delta-seconds, as in Expires, Min-Expires and expires parameters. What does not fit counts as 2^32 - 1
// (RFC 4475 3.1.2.4); nothing if it is no number.
std::optional<Seconds> parse_delta(std::string_view text);

// RFC 3261 20.33: delta-seconds, then a comment and parameters, which do not matter here.
std::optional<Seconds> parse_retry_after(std::string_view value);

// RFC 3261 20.22: 0 to 255.
std::optional<int> parse_max_forwards(std::string_view value);

// RFC 3261 20.17: the fixed form of RFC 1123, in GMT only. Parley uses no Date of a peer; the check exists so that the
// rule stands in one place.
bool is_sip_date(std::string_view value);

}  // namespace parley::sip
