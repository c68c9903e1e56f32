#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "admin/messages/message.hpp"

namespace parley::admin {

// A place in the configuration file. Lines and columns count from 1; columns and lengths are bytes of UTF-8. Line 0:
// the file as a whole.
struct Place {
    std::size_t line = 0, column = 0, length = 0;
    bool operator==(const Place&) const = default;
};

enum class Severity { error, warning };

// One thing that is wrong, where, and what to do about it. A file has as many as it has mistakes: all are reported.
struct Problem {
    Message what;
    Place place;
    std::optional<Message> fix;
    Severity severity = Severity::error;
    std::string source_line;  // the whole line at place.line, as written
};

bool has_errors(const std::vector<Problem>& problems);

// As compilers print it, so that editors find the place:
//   parley.toml:12:8: error: "fivethousand" is not a whole number [config.wrong-type]
//      12 | port = "fivethousand"
//         |        ^~~~~~~~~~~~~~ write 5000 without quotes
std::string render(const Problem& problem, const std::string& file, Language language);
std::string render(const std::vector<Problem>& problems, const std::string& file, Language language);

// The candidate that is close enough to be what was meant, or nothing: one slip for short words, two or three for
// longer.
std::optional<std::string> closest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace parley::admin
