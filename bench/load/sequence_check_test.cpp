#include "bench/load/sequence_check.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace parley::bench {
namespace {

struct Case {
    const char* name;
    std::vector<std::uint64_t> seen;
    std::uint64_t sent, lost, reordered, doubled;
};

TEST(SequenceCheck, CountsWhatWentWrong) {
    for (const auto& c : {
             Case{"all well", {0, 1, 2}, 3, 0, 0, 0},
             Case{"nothing came", {}, 2, 2, 0, 0},
             Case{"the last is lost", {0, 1}, 3, 1, 0, 0},
             Case{"one in the middle is lost", {0, 2, 3}, 4, 1, 0, 0},
             Case{"late", {0, 2, 1}, 3, 0, 1, 0},
             Case{"doubled at once", {0, 0, 1}, 2, 0, 0, 1},
             Case{"late, then doubled", {1, 0, 0}, 2, 0, 1, 1},
         }) {
        SCOPED_TRACE(c.name);
        SequenceCheck check;
        std::uint64_t reordered = 0, doubled = 0;
        for (const auto number : c.seen) {
            const auto verdict = check.see(number);
            reordered += verdict == SequenceCheck::Verdict::reordered;
            doubled += verdict == SequenceCheck::Verdict::doubled;
        }
        EXPECT_EQ(check.lost(c.sent), c.lost);
        EXPECT_EQ(reordered, c.reordered);
        EXPECT_EQ(doubled, c.doubled);
    }
}

}  // namespace
}  // namespace parley::bench
