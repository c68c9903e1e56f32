#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "admin/problem.hpp"

namespace parley::admin {

// A configuration is a page or two; toml11 3.7.1 recurses on brackets and dots and is crashed by 100,000 of them.
inline constexpr std::size_t config_max_bytes = 256 * 1024;
inline constexpr std::size_t config_max_depth = 8;      // brackets within brackets, parts of a dotted key
inline constexpr std::size_t config_max_problems = 50;  // of syntax; more are one mistake's echo

struct TomlScan {
    std::vector<Problem> problems;
    // The text with every line that has a problem emptied, or mended where its meaning is beyond doubt, so that the
    // rest can be read and its mistakes reported too. Lines keep their numbers.
    std::string readable;
    bool usable = true;  // false: too large, too deep or not UTF-8; there is nothing to go on with
};

// Looks at the text as a person would, line by line, and names each slip. TOML's meaning is left to toml11; this exists
// because toml11 stops at the first error and must not see hostile nesting.
TomlScan scan_toml(std::string_view text);

}  // namespace parley::admin
