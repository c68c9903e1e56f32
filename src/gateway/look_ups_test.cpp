#include "gateway/look_ups.hpp"

#include <gtest/gtest.h>

#include "tests/support/fake_executor.hpp"

namespace parley::gateway {
namespace {

TEST(LookUps, TellsOnceWhoWaits) {
    test::FakeExecutor executor;
    LookUps look_ups;
    EXPECT_FALSE(look_ups.take("a", "192.0.2.1:1"));
    std::vector<std::string> told;
    ASSERT_TRUE(look_ups.expect("a", executor, [&](const std::string& from) { told.push_back(from); }));
    EXPECT_FALSE(look_ups.take("b", "192.0.2.1:1"));
    EXPECT_TRUE(look_ups.take("a", "192.0.2.1:1"));
    EXPECT_TRUE(look_ups.take("a", "192.0.2.1:2"));  // a repetition is answered too
    executor.run_until_idle();
    EXPECT_EQ(told, std::vector<std::string>{"192.0.2.1:1"});
    look_ups.forget("a");
    EXPECT_FALSE(look_ups.take("a", "192.0.2.1:3"));
}

TEST(LookUps, HasALimit) {
    test::FakeExecutor executor;
    LookUps look_ups;
    for (std::size_t i = 0; i < LookUps::most; ++i)
        EXPECT_TRUE(look_ups.expect(std::to_string(i), executor, [](auto) {}));
    EXPECT_FALSE(look_ups.expect("more", executor, [](auto) {}));
    look_ups.forget("0");
    EXPECT_TRUE(look_ups.expect("more", executor, [](auto) {}));
}

}  // namespace
}  // namespace parley::gateway
