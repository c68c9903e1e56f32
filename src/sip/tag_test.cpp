#include "sip/tag.hpp"

#include <gtest/gtest.h>

namespace parley::sip {
namespace {

TEST(Tag, SaysWhereTheDialogLives) {
    SeededRandom random{1};
    const auto tag = make_tag({0x01, 0x03ff}, random);
    EXPECT_TRUE(tag.starts_with("01.03ff."));
    EXPECT_EQ(parse_tag(tag), (TagToken{1, 0x3ff}));
    EXPECT_NE(make_tag({0x01, 0x03ff}, random), tag);
    for (const auto other :
         {"", "dfac414f0f", "01.03ff.0123456789abcdeg", "01-03ff.0123456789abcdef", "zz.03ff.0123456789abcdef"})
        EXPECT_FALSE(parse_tag(other)) << other;
}

}  // namespace
}  // namespace parley::sip
