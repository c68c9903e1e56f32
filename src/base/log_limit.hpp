#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/log.hpp"

namespace parley {

// Log lines that somebody outside can cause: of one kind one line a minute, with how many were left out since. Kinds
// are told apart by `key` (a domain, an address with what is wrong); no more than `most_kinds` are remembered. One
// thread.
class LogLimit {
public:
    static constexpr std::size_t most_kinds = 500;
    static constexpr Seconds quiet{60};

    // True when the line was written. `key` itself is not.
    bool say(SteadyTime now, LogLevel level, std::string_view key, std::string_view text);

private:
    struct Kind {
        SteadyTime last{};
        unsigned left_out = 0;
    };
    std::map<std::string, Kind, std::less<>> kinds_;
};

}  // namespace parley
