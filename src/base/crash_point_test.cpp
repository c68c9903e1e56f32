#include "base/crash_point.hpp"

#include <csignal>
#include <cstdlib>

#include <gtest/gtest.h>

namespace parley {
namespace {

// The environment is read once at start, so each case starts the test program again ("threadsafe" style).
class CrashPointDeathTest : public ::testing::Test {
protected:
    void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
    void TearDown() override { ::unsetenv("PARLEY_CRASH_AT"); }
};

void reach_three_times() {
    for (int i = 0; i < 3; ++i) crash_point("base.test");
    std::_Exit(7);
}

TEST_F(CrashPointDeathTest, DoesNothingWhenNotNamed) {
    ::setenv("PARLEY_CRASH_AT", "base.other", 1);
    EXPECT_EXIT(reach_three_times(), ::testing::ExitedWithCode(7), "");
}

TEST_F(CrashPointDeathTest, KillsAtTheNamedPoint) {
    ::setenv("PARLEY_CRASH_AT", "base.test", 1);
    EXPECT_EXIT(reach_three_times(), ::testing::KilledBySignal(SIGKILL), "");
}

TEST_F(CrashPointDeathTest, CountsTimes) {
    ::setenv("PARLEY_CRASH_AT", "base.test:3", 1);
    EXPECT_EXIT(reach_three_times(), ::testing::KilledBySignal(SIGKILL), "");
    ::setenv("PARLEY_CRASH_AT", "base.test:4", 1);
    EXPECT_EXIT(reach_three_times(), ::testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace parley
