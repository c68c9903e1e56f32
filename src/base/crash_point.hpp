#pragma once

#include <string_view>

namespace parley {

namespace detail {
extern const bool crash_points_armed;
void reach_crash_point(std::string_view name);
}  // namespace detail

// A named place where the kill tests end the process: PARLEY_CRASH_AT=<name> sends us SIGKILL the first time it is
// reached, PARLEY_CRASH_AT=<name>:<n> the n-th time. It is part of every build, so that what is tested is what runs;
// unarmed it costs one branch on a constant.
inline void crash_point(std::string_view name) {
    if (detail::crash_points_armed) [[unlikely]]
        detail::reach_crash_point(name);
}

}  // namespace parley
