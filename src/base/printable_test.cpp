#include "base/printable.hpp"

#include <gtest/gtest.h>

namespace parley {
namespace {

TEST(Printable, LeavesNothingThatATerminalObeys) {
    EXPECT_EQ(printable("not allowed"), "not allowed");
    EXPECT_EQ(printable("a\nb\x1b[2Jc\x7f"), "a?b?[2Jc?");
    EXPECT_EQ(printable("a\xC2\x9B"
                        "2J"),
              "a?2J");
    EXPECT_EQ(printable("\xC2\xA0\xE6\x97\xA5"), "\xC2\xA0\xE6\x97\xA5");
}

TEST(Printable, CutsBetweenCharacters) {
    EXPECT_EQ(printable("abcdef", 3), "abc");
    EXPECT_EQ(printable("a\xE6\x97\xA5z", 3), "a");
    EXPECT_EQ(printable("a\xE6\x97\xA5z", 4), "a\xE6\x97\xA5");
    EXPECT_EQ(printable("abc", 3), "abc");
}

TEST(Printable, WhatIsNoTextIsAQuestionMark) {
    EXPECT_EQ(printable("plain \xe6\x97\xa5", 100), "plain \xe6\x97\xa5");
    EXPECT_EQ(printable("\x1b[2Jgone\r\n", 100), "?[2Jgone??");
    EXPECT_EQ(printable("\xc2\x9b"
                        "31m",
                        100),
              "?31m");
    EXPECT_EQ(printable("\xff\xc0\xaf\xe6\x97", 100), "?????");
    EXPECT_EQ(printable("a\r\nb\tc", 100, true), "a\nb\tc");
    EXPECT_EQ(printable("\xe6\x97\xa5\xe6\x97\xa5", 5), "\xe6\x97\xa5") << "no half of a character";
}

}  // namespace
}  // namespace parley
