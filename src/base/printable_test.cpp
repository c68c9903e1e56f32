#include "base/printable.hpp"

#include <gtest/gtest.h>

namespace parley {
namespace {

TEST(Printable, LeavesNothingThatATerminalObeys) {
    EXPECT_EQ(printable("not allowed"), "not allowed");
    EXPECT_EQ(printable("a\nb\x1b[2Jc\x7f"), "a b [2Jc ");
    EXPECT_EQ(printable("a\xC2\x9B"
                        "2J"),
              "a  2J");
    EXPECT_EQ(printable("\xC2\xA0\xE6\x97\xA5"), "\xC2\xA0\xE6\x97\xA5");
}

TEST(Printable, CutsBetweenCharacters) {
    EXPECT_EQ(printable("abcdef", 3), "abc");
    EXPECT_EQ(printable("a\xE6\x97\xA5z", 3), "a");
    EXPECT_EQ(printable("a\xE6\x97\xA5z", 4), "a\xE6\x97\xA5");
    EXPECT_EQ(printable("abc", 3), "abc");
}

}  // namespace
}  // namespace parley
