#include "server/s2s/inbound_seen.hpp"

#include <gtest/gtest.h>

namespace parley::server {
namespace {

TEST(InboundSeen, KeepsTheNewestOfEachKind) {
    InboundSeen seen;
    EXPECT_FALSE(seen.of("partner.example").proven);
    seen.proven("partner.example", true, {TimePoint{Seconds{1}}, "192.0.2.1:1", "dialback", ""});
    seen.refused("partner.example", true, {TimePoint{Seconds{2}}, "192.0.2.1:2", "not-authorized", "why"});
    seen.proven("partner.example", true, {TimePoint{Seconds{3}}, "192.0.2.1:3", "SASL EXTERNAL", "TLSv1.3"});
    const auto found = seen.of("partner.example");
    EXPECT_EQ(found.proven->proof, "SASL EXTERNAL");
    EXPECT_EQ(found.refused->at, TimePoint{Seconds{2}});
}

TEST(InboundSeen, StrangersPushOutStrangersOnly) {
    InboundSeen seen;
    seen.refused("partner.example", true, {});
    seen.refused("first.example", false, {});
    for (std::size_t i = 1; i < InboundSeen::most_others; ++i) seen.refused("x" + std::to_string(i), false, {});
    EXPECT_TRUE(seen.of("first.example").refused);
    seen.refused("first.example", false, {});  // seen again: the newest
    seen.refused("one-more.example", false, {});
    EXPECT_TRUE(seen.of("partner.example").refused);
    EXPECT_TRUE(seen.of("first.example").refused);
    EXPECT_FALSE(seen.of("x1").refused);
    EXPECT_TRUE(seen.of("x2").refused);
}

TEST(InboundSeen, ADomainThatLosesItsRuleIsAStranger) {
    InboundSeen seen;
    seen.refused("was.example", true, {});
    seen.refused("was.example", false, {});
    for (std::size_t i = 0; i < InboundSeen::most_others; ++i) seen.refused("x" + std::to_string(i), false, {});
    EXPECT_FALSE(seen.of("was.example").refused);
}

TEST(InboundSeen, AFewQuestionsOfEachDomain) {
    InboundSeen seen;
    for (int i = 0; i < 20; ++i) seen.asked("a.example", true, {{}, "", std::to_string(i), true});
    const auto questions = seen.of("a.example").questions;
    ASSERT_EQ(questions.size(), InboundSeen::most_questions);
    EXPECT_EQ(questions.back().stream_id, "19");
}

}  // namespace
}  // namespace parley::server
