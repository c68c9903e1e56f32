#include "base/crash_point.hpp"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string>

#include "base/text.hpp"

namespace parley::detail {
namespace {

struct Armed {
    std::string name;
    long count = 1;
};

Armed from_environment() {
    const char* const text = std::getenv("PARLEY_CRASH_AT");
    if (!text) return {};
    const std::string_view whole = text;
    const auto colon = whole.rfind(':');
    if (colon == std::string_view::npos) return {std::string(whole), 1};
    return {std::string(whole.substr(0, colon)), parse_number<long>(whole.substr(colon + 1)).value_or(1)};
}

const Armed armed = from_environment();
std::atomic<long> reached{0};

}  // namespace

const bool crash_points_armed = !armed.name.empty();

void reach_crash_point(std::string_view name) {
    if (name == armed.name && ++reached == armed.count) std::raise(SIGKILL);
}

}  // namespace parley::detail
