#include "tests/support/fake_executor.hpp"

#include <string>

#include <gtest/gtest.h>

namespace parley::test {
namespace {

using namespace std::chrono_literals;

TEST(FakeExecutor, RunsWorkInOrderOfTimeThenOfGiving) {
    FakeExecutor executor;
    std::string order;
    auto late = executor.after(20ms, [&] { order += 'd'; });
    auto early = executor.after(10ms, [&] {
        order += 'b';
        executor.post([&] { order += 'c'; });
    });
    executor.post([&] { order += 'a'; });
    EXPECT_EQ(executor.run_until_idle(), 1u);
    EXPECT_EQ(order, "a");
    executor.advance(15ms);
    EXPECT_EQ(order, "abc");
    executor.advance(5ms);
    EXPECT_EQ(order, "abcd");
}

TEST(FakeExecutor, ATimerFiresAtItsOwnTimeAndNeverAfterCancel) {
    FakeExecutor executor;
    const auto start = executor.clock().now();
    Millis seen{0};
    auto timer = executor.after(3s, [&] { seen = executor.clock().now() - start; });
    executor.advance(1min);
    EXPECT_EQ(seen, 3s);
    EXPECT_EQ(executor.clock().now() - start, 1min);

    bool ran = false;
    auto cancelled = executor.after(1s, [&] { ran = true; });
    cancelled.cancel();
    {
        const auto dropped = executor.after(1s, [&] { ran = true; });
    }
    executor.advance(1min);
    EXPECT_FALSE(ran);
    EXPECT_EQ(executor.pending(), 0u);
}

TEST(FakeExecutor, TwoOfOneWorldShareTimeButNotTheThread) {
    FakeExecutor a;
    FakeExecutor b{a};
    bool checked = false;
    b.post([&] {
        EXPECT_TRUE(b.in_this_thread());
        EXPECT_FALSE(a.in_this_thread());
        checked = true;
    });
    a.run_until_idle();
    EXPECT_TRUE(checked);
    EXPECT_TRUE(a.in_this_thread());
}

TEST(FakeExecutor, RunUntilLetsTimePassUpToItsLimit) {
    FakeExecutor executor;
    bool done = false;
    auto timer = executor.after(10s, [&] { done = true; });
    EXPECT_FALSE(executor.run_until([&] { return done; }, 9s));
    EXPECT_TRUE(executor.run_until([&] { return done; }, 1s));
}

}  // namespace
}  // namespace parley::test
