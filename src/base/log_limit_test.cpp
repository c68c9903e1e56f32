#include "base/log_limit.hpp"

#include <gtest/gtest.h>

namespace parley {
namespace {

using namespace std::chrono_literals;

TEST(LogLimit, OneLineAMinuteOfEachKind) {
    LogLimit limit;
    SteadyTime now{1h};
    EXPECT_TRUE(limit.say(now, LogLevel::debug, "a", "first"));
    EXPECT_FALSE(limit.say(now, LogLevel::debug, "a", "second"));
    EXPECT_TRUE(limit.say(now, LogLevel::debug, "b", "another kind"));
    EXPECT_FALSE(limit.say(now + 59s, LogLevel::debug, "a", "third"));
    EXPECT_TRUE(limit.say(now + 60s, LogLevel::debug, "a", "fourth"));
}

TEST(LogLimit, MadeUpNamesCostNoMemory) {
    LogLimit limit;
    for (std::size_t i = 0; i < 3 * LogLimit::most_kinds; ++i)
        EXPECT_TRUE(limit.say(SteadyTime{1h}, LogLevel::debug, std::to_string(i), "x"));
}

}  // namespace
}  // namespace parley
