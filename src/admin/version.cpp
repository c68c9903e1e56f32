#include "admin/version.hpp"

#include <cstdlib>

namespace parley::admin {

std::filesystem::path default_directory() {
    if (const char* folder = std::getenv("PARLEY_DIR"); folder != nullptr && *folder != '\0') return folder;
    std::error_code failed;
    if (std::filesystem::exists("parley.toml", failed)) return ".";
    return "/etc/parley";
}

}  // namespace parley::admin
