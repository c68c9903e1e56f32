#pragma once

#include <filesystem>
#include <optional>
#include <ostream>
#include <string>

namespace parley {

struct Options {
    std::filesystem::path directory;
    std::filesystem::path config() const { return directory / "parley.toml"; }
};

// Reads the command line. Nothing: the answer (help, version, a complaint) has been printed and `exit_code` is set.
std::optional<Options> parse_options(int argc, const char* const* argv, std::ostream& out, std::ostream& err,
                                     int& exit_code);

}  // namespace parley
