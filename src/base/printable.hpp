#pragma once

#include <string>
#include <string_view>

namespace parley {

// What somebody else has written, for a log or a terminal: well-formed UTF-8 without control characters (C1 included,
// which terminals obey too), of `most` bytes at most, without half of a character at its end. "?" stands for what is
// none of it. Line ends and tabs stay where `lines` is set.
std::string printable(std::string_view text, std::size_t most = 500, bool lines = false);

}  // namespace parley
