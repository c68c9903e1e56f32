#include "im/partner_history.hpp"

#include <gtest/gtest.h>

namespace parley::im {
namespace {

using What = PartnerEvent::What;

TimePoint at(int seconds) {
    return TimePoint(Seconds(1'700'000'000 + seconds));
}

PartnerEvent event(What what, std::string detail = {}, std::string place = {}) {
    PartnerEvent out;
    out.what = what;
    out.local = "example.com";
    out.detail = std::move(detail);
    out.place = std::move(place);
    return out;
}

TEST(PartnerHistory, KeepsWhatHappenedInItsOrder) {
    PartnerHistory history;
    history.note("partner.example", true, event(What::rule, "allow"), at(0));
    history.note("partner.example", true, event(What::connected), at(1));
    history.note("partner.example", true, event(What::lost, "reset"), at(2));
    history.note("partner.example", true, event(What::connected), at(3));
    const auto events = history.of("partner.example");
    ASSERT_EQ(events.size(), 4U);
    EXPECT_EQ(events[0].what, What::rule);
    EXPECT_EQ(events[3].what, What::connected) << "not counted with the one before the loss";
    EXPECT_EQ(events[3].first, at(3));
    EXPECT_TRUE(history.of("other.example").empty());
}

TEST(PartnerHistory, CountsTheSameTroubleAlsoWhenTargetsFailInTurn) {
    PartnerHistory history;
    for (int i = 0; i < 50; ++i)
        history.note("partner.example", true, event(What::failed, i % 2 ? "one: refused" : "two: silent"), at(i));
    auto events = history.of("partner.example");
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[0].times, 25U);
    EXPECT_EQ(events[0].first, at(0));
    EXPECT_EQ(events[0].last, at(48));
    history.note("partner.example", true, event(What::connected), at(60));
    history.note("partner.example", true, event(What::failed, "one: refused"), at(61));
    events = history.of("partner.example");
    ASSERT_EQ(events.size(), 4U) << "a failure after a success is a new one";
}

TEST(PartnerHistory, TheNewestPlaceOfTheSameTroubleStays) {
    PartnerHistory history;
    history.note("partner.example", true, event(What::refused, "no rule", "192.0.2.1:1000"), at(0));
    history.note("partner.example", true, event(What::refused, "no rule", "192.0.2.9:2000"), at(1));
    const auto events = history.of("partner.example");
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].place, "192.0.2.9:2000");
}

TEST(PartnerHistory, WhoIsRefusedForEverNewReasonsPushesNothingOut) {
    PartnerHistory history;
    history.note("partner.example", true, event(What::rule, "allow"), at(0));
    history.note("partner.example", true, event(What::failed, "silent"), at(1));
    for (int i = 0; i < 10'000; ++i)
        history.note("partner.example", true, event(What::refused, "it writes to x" + std::to_string(i)), at(i + 2));
    auto events = history.of("partner.example");
    ASSERT_EQ(events.size(), 10U);
    EXPECT_EQ(events[0].what, What::rule);
    EXPECT_EQ(events[1].what, What::failed);
    EXPECT_EQ(events.back().detail, "it writes to x9999");
    EXPECT_EQ(events.back().times, 9'993U);
}

TEST(PartnerHistory, HasBounds) {
    PartnerHistory history;
    for (int i = 0; i < 500; ++i)
        history.note("partner.example", true, event(What::rule, std::to_string(i) + std::string(10'000, 'x')), at(i));
    const auto events = history.of("partner.example");
    EXPECT_EQ(events.size(), PartnerHistory::most_events);
    EXPECT_EQ(events.back().number, 500U);
    EXPECT_LE(events.back().detail.size(), PartnerHistory::most_detail);
}

TEST(PartnerHistory, StrangersGoBeforePartnersThatHaveARule) {
    PartnerHistory history;
    history.note("partner.example", true, event(What::connected), at(0));
    for (int i = 0; i < 3'000; ++i)
        history.note("x" + std::to_string(i) + ".example", false, event(What::failed, "no server"), at(i + 1));
    EXPECT_EQ(history.of("partner.example").size(), 1U);
    EXPECT_TRUE(history.of("x0.example").empty());
    EXPECT_EQ(history.of("x2999.example").size(), 1U);
}

TEST(PartnerHistory, TellsTheStoreWhatHasChangedOnce) {
    PartnerHistory history;
    EXPECT_TRUE(history.take_changes().empty());
    history.note("partner.example", true, event(What::failed, "silent"), at(0));
    history.note("partner.example", true, event(What::connected), at(1));
    auto changes = history.take_changes();
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_EQ(changes[0].events.size(), 2U);
    EXPECT_EQ(changes[0].oldest, 1U);
    EXPECT_TRUE(history.take_changes().empty());
    history.note("partner.example", true, event(What::connected), at(2));
    changes = history.take_changes();
    ASSERT_EQ(changes.size(), 1U);
    ASSERT_EQ(changes[0].events.size(), 1U);
    EXPECT_EQ(changes[0].events[0].times, 2U);
}

TEST(PartnerHistory, GoesOnWhereTheStoreHasIt) {
    PartnerHistory before, after;
    before.note("partner.example", true, event(What::failed, "silent"), at(0));
    before.note("partner.example", true, event(What::connected), at(1));
    after.restore("partner.example", before.of("partner.example"));
    EXPECT_TRUE(after.take_changes().empty());
    after.note("partner.example", true, event(What::lost, "reset"), at(2));
    const auto events = after.of("partner.example");
    ASSERT_EQ(events.size(), 3U);
    EXPECT_EQ(events.back().number, 3U);
}

TEST(PartnerHistory, OneThatWasForgottenAndIsBackBeginsAnew) {
    PartnerHistory history;
    history.note("gone.example", false, event(What::failed, "no server"), at(0));
    history.take_changes();
    for (int i = 0; i < 1'000; ++i)
        history.note("x" + std::to_string(i) + ".example", false, event(What::failed, "no server"), at(i + 1));
    history.note("gone.example", false, event(What::failed, "again"), at(5'000));
    const auto changes = history.take_changes();
    ASSERT_FALSE(changes.empty());
    EXPECT_TRUE(changes[0].forgotten);
    EXPECT_EQ(changes[0].domain, "gone.example");
    EXPECT_EQ(history.of("gone.example").size(), 1U);
}

TEST(PartnerHistory, WhoIsRefusedAsSomebodyUnnamedLeavesNoTrace) {
    PartnerHistory history;
    history.note("made-up.example", false, event(What::refused, "no rule"), at(0));
    EXPECT_TRUE(history.of("made-up.example").empty());
    history.note("made-up.example", false, event(What::connected, "its certificate"), at(1));
    EXPECT_EQ(history.of("made-up.example").size(), 1u);
}

}  // namespace
}  // namespace parley::im
