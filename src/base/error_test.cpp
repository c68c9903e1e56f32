#include "base/error.hpp"

#include <gtest/gtest.h>

namespace parley {
namespace {

Result<int> half(int n) {
    if (n % 2 != 0) return Error{Errc::malformed, "odd"};
    return n / 2;
}

TEST(Result, HoldsAValueOrAnError) {
    EXPECT_EQ(*half(4), 2);
    const auto failed = half(3);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error(), (Error{Errc::malformed, "odd"}));
    EXPECT_THROW((void)failed.value(), std::logic_error);
}

}  // namespace
}  // namespace parley
