#include "net/srv.hpp"

#include <algorithm>
#include <map>

#include <gtest/gtest.h>

namespace parley::net {
namespace {

TEST(Srv, PriorityComesFirstAndEveryRecordOnce) {
    SeededRandom random(1);
    const std::vector<SrvRecord> records{
        {20, 5, 1, "b"}, {10, 0, 2, "a"}, {20, 0, 3, "c"}, {10, 60, 4, "d"}, {30, 1, 5, "e"}};
    for (int i = 0; i < 200; ++i) {
        const auto order = in_order_of_trial(records, random);
        ASSERT_EQ(order.size(), records.size());
        for (std::size_t k = 1; k < order.size(); ++k) EXPECT_LE(order[k - 1].priority, order[k].priority);
        for (const auto& record : records) EXPECT_EQ(std::count(order.begin(), order.end(), record), 1);
    }
    EXPECT_TRUE(in_order_of_trial({}, random).empty());
}

TEST(Srv, WeightsAreShares) {
    SeededRandom random(7);
    std::map<std::string, int> first, second;
    constexpr int rounds = 20'000;
    for (int i = 0; i < rounds; ++i) {
        const auto order = in_order_of_trial({{1, 10, 1, "small"}, {1, 0, 1, "none"}, {1, 90, 1, "big"}}, random);
        ++first[order[0].target];
        ++second[order[1].target];
    }
    EXPECT_NEAR(first["big"], rounds * 0.89, rounds * 0.02);
    EXPECT_NEAR(first["small"], rounds * 0.10, rounds * 0.02);
    EXPECT_GT(first["none"], 0);  // a very small chance, not none
    EXPECT_LT(first["none"], rounds * 0.03);
    EXPECT_GT(second["small"], second["none"]);
}

TEST(Srv, ARootTargetSaysThatThereIsNoService) {
    EXPECT_TRUE(decidedly_absent({{0, 0, 0, "."}}));
    EXPECT_FALSE(decidedly_absent({}));
    EXPECT_FALSE(decidedly_absent({{0, 0, 5269, "a.example"}}));
    EXPECT_FALSE(decidedly_absent({{0, 0, 0, "."}, {0, 0, 5269, "a.example"}}));
}

}  // namespace
}  // namespace parley::net
