#pragma once

#include <filesystem>
#include <string_view>

namespace parley::admin {

inline constexpr std::string_view version = "0.1.0";  // as in CMakeLists.txt

// Where both programs look when they are given no --dir: $PARLEY_DIR, else this folder if it has a parley.toml, else
// /etc/parley.
std::filesystem::path default_directory();

}  // namespace parley::admin
