#include "base/log_limit.hpp"

namespace parley {

bool LogLimit::say(SteadyTime now, LogLevel level, std::string_view key, std::string_view text) {
    auto found = kinds_.find(key);
    if (found == kinds_.end()) {
        // An attacker who makes up names must not cost memory: the old kinds go, all at once.
        if (kinds_.size() >= most_kinds) kinds_.clear();
        found = kinds_.try_emplace(std::string(key)).first;
    } else if (now - found->second.last < quiet) {
        ++found->second.left_out;
        return false;
    }
    std::string line(text);
    if (found->second.left_out > 0)
        line += " (" + std::to_string(found->second.left_out) + " more like this since the last line)";
    found->second = {now, 0};
    log(level, "", line);
    return true;
}

}  // namespace parley
