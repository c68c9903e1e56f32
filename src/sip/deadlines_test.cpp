#include "sip/deadlines.hpp"

#include <map>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "sip/ids.hpp"

namespace parley::sip {
namespace {

using namespace std::chrono_literals;

constexpr SteadyTime t0{1'000'000ms};

TEST(Deadlines, GiveEachIdOnceWhenItsTimeHasCome) {
    Deadlines<UsageId> deadlines;
    EXPECT_FALSE(deadlines.next());
    deadlines.set({1}, t0 + 30ms);
    deadlines.set({2}, t0 + 10ms);
    deadlines.set({3}, t0 + 20ms);
    deadlines.set({1}, t0 + 5ms);   // sooner
    deadlines.set({2}, t0 + 40ms);  // put off
    deadlines.set({3}, {});
    EXPECT_EQ(deadlines.next(), t0 + 5ms);
    EXPECT_EQ(deadlines.due(t0 + 39ms), (std::vector<UsageId>{{1}}));
    EXPECT_EQ(deadlines.next(), t0 + 40ms);
    EXPECT_EQ(deadlines.due(t0 + 40ms), (std::vector<UsageId>{{2}}));
    EXPECT_FALSE(deadlines.next());
}

// Beside a list of what is set, over as many changes as it takes for the heap to be made anew many times.
TEST(Deadlines, AgreeWithAPlainList) {
    SeededRandom random{7};
    Deadlines<UsageId> deadlines;
    std::map<std::uint64_t, SteadyTime> expected;
    auto now = t0;
    for (int step = 0; step < 20'000; ++step) {
        const UsageId id{1 + random.below(50)};
        const auto when = now + Millis{random.below(1'000)};
        switch (random.below(4)) {
            case 0:
                deadlines.set(id, {});
                expected.erase(id.value);
                break;
            case 1: {
                now += Millis{random.below(20)};
                SteadyTime last{};
                for (const auto one : deadlines.due(now)) {
                    ASSERT_TRUE(expected.contains(one.value)) << "not set, or given twice";
                    EXPECT_LE(expected[one.value], now) << "too early";
                    EXPECT_GE(expected[one.value], last) << "out of order";
                    last = expected[one.value];
                    expected.erase(one.value);
                }
                break;
            }
            default: deadlines.set(id, when); expected[id.value] = when;
        }
        std::optional<SteadyTime> earliest;
        for (const auto& [value, at] : expected)
            if (!earliest || at < *earliest) earliest = at;
        ASSERT_EQ(deadlines.next(), earliest) << "step " << step;
    }
}

}  // namespace
}  // namespace parley::sip
