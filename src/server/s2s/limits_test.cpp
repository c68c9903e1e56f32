#include <gtest/gtest.h>

#include "base/shared_rate.hpp"
#include "server/s2s/connect_turns.hpp"
#include "tests/support/fake_executor.hpp"

namespace parley::server {
namespace {

using namespace std::chrono_literals;

TEST(SharedRate, LetsABurstThroughAndThenTheRate) {
    SharedRate rate;
    SteadyTime now{1h};
    for (int i = 0; i < 200; ++i) EXPECT_EQ(rate.take(100, now), 0ms) << i;
    const auto pause = rate.take(100, now);
    EXPECT_GE(pause, 10ms);
    EXPECT_LE(pause, 11ms);
    now += pause;
    EXPECT_GT(rate.take(100, now), 0ms);
    now += 1h;
    for (int i = 0; i < 200; ++i) EXPECT_EQ(rate.take(100, now), 0ms) << "never more than the burst is saved: " << i;
    EXPECT_GT(rate.take(100, now), 0ms);
}

TEST(ConnectTurns, GrantsInTheirOrderWhatIsGivenBack) {
    test::FakeExecutor executor;
    const auto turns = std::make_shared<ConnectTurns>();
    std::string granted;
    const auto ask = [&](char name) { return turns->ask(executor, 2, [&granted, name] { granted += name; }); };
    auto a = ask('a'), b = ask('b'), c = ask('c'), d = ask('d'), e = ask('e');
    executor.run_until_idle();
    EXPECT_EQ(granted, "ab");
    c.reset();  // leaves the line
    a.reset();
    executor.run_until_idle();
    EXPECT_EQ(granted, "abd");
    b.reset();
    d.reset();
    executor.run_until_idle();
    EXPECT_EQ(granted, "abde");
    auto f = ask('f');
    executor.run_until_idle();
    EXPECT_EQ(granted, "abdef");
}

TEST(ConnectTurns, TheLineHasAnEnd) {
    test::FakeExecutor executor;
    const auto turns = std::make_shared<ConnectTurns>();
    const auto first = turns->ask(executor, 1, [] {});
    std::vector<std::shared_ptr<ConnectTurns::Turn>> line;
    for (std::size_t i = 0; i < ConnectTurns::most_in_line; ++i) line.push_back(turns->ask(executor, 1, [] {}));
    EXPECT_TRUE(line.back());
    EXPECT_FALSE(turns->ask(executor, 1, [] {}));
    line[7].reset();
    EXPECT_TRUE(turns->ask(executor, 1, [] {}));
}

}  // namespace
}  // namespace parley::server
