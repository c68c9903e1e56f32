#include "im/refusals.hpp"

#include <gtest/gtest.h>

namespace parley::im {
namespace {

TimePoint at(int seconds) {
    return TimePoint(Seconds(1'700'000'000 + seconds));
}

Refusal refusal(std::string partner, std::string address = "192.0.2.1", std::string why = "it is not allowed here") {
    Refusal out;
    out.partner = std::move(partner);
    out.local = "example.com";
    out.protocol = "XMPP";
    out.address = std::move(address);
    out.condition = "policy-violation";
    out.why = std::move(why);
    return out;
}

class RefusalsTest : public ::testing::Test {
protected:
    std::string note(Refusal what, int when, bool known = false) {
        return refusals_.note(std::move(what), known, at(when), random_).reference;
    }

    SeededRandom random_{1};
    Refusals refusals_;
};

TEST_F(RefusalsTest, TheSameIsOneEntryWithOneReference) {
    const auto reference = note(refusal("partner.example"), 0);
    EXPECT_EQ(reference.size(), 8U);
    EXPECT_EQ(reference.find_first_not_of("23456789abcdefghjkmnpqrstuvwxyz"), std::string::npos);
    EXPECT_EQ(reference.find_first_of("23456789"), reference.find_first_of("23456789", 1)) << "a letter comes first";
    EXPECT_EQ(note(refusal("partner.example"), 5), reference);
    EXPECT_NE(note(refusal("partner.example", "192.0.2.2"), 6), reference);
    EXPECT_NE(note(refusal("partner.example", "192.0.2.1", "another reason"), 7), reference);
    const auto found = refusals_.find(reference);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->times, 2U);
    EXPECT_EQ(found->first, at(0));
    EXPECT_EQ(found->last, at(5));
    EXPECT_EQ(found->why, "it is not allowed here");
    EXPECT_FALSE(refusals_.find("zzzzzzzz"));
}

TEST_F(RefusalsTest, NewestFirstOfAPartnerOrOfAll) {
    note(refusal("a.example"), 0);
    note(refusal("b.example"), 1);
    note(refusal("c.example"), 2);
    note(refusal("a.example"), 3);
    const auto all = refusals_.newest({}, 2);
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].partner, "a.example");
    EXPECT_EQ(all[1].partner, "c.example");
    EXPECT_EQ(refusals_.newest("b.example", 10).size(), 1U);
    EXPECT_TRUE(refusals_.newest("d.example", 10).empty());
}

TEST_F(RefusalsTest, WhoMakesUpNamesPushesOutHisOwnEntries) {
    const auto kept = note(refusal("partner.example"), 0);
    std::string first;
    for (int i = 0; i < 5'000; ++i) {
        const auto reference = note(refusal("n" + std::to_string(i) + ".example", "198.51.100.7"), 1 + i);
        if (i == 0) first = reference;
    }
    EXPECT_TRUE(refusals_.find(kept));
    EXPECT_FALSE(refusals_.find(first));
    EXPECT_EQ(refusals_.newest({}, 10'000).size(), 1 + Refusals::most_of_one);
}

TEST_F(RefusalsTest, ManyAddressesAreBoundedTooAndWhoIsNamedStays) {
    const auto named = note(refusal("partner.example"), 0, true);
    const auto oldest = note(refusal("y.example"), 1);
    for (int i = 0; i < 3'000; ++i) note(refusal("x.example", "2001:db8:0:" + std::to_string(i) + "::1"), 2 + i);
    EXPECT_EQ(refusals_.newest({}, 10'000).size(), Refusals::most);
    EXPECT_FALSE(refusals_.find(oldest));
    EXPECT_TRUE(refusals_.find(named));
}

TEST_F(RefusalsTest, AnIpv6NetworkIsOneAddress) {
    for (int i = 0; i < 3'000; ++i) note(refusal("x.example", "2001:db8::" + std::to_string(i)), i);
    EXPECT_EQ(refusals_.newest({}, 10'000).size(), Refusals::most_of_one);
}

// A stanza that is refused far from its stream: no partner takes another one's share.
TEST_F(RefusalsTest, WithoutAnAddressAPartnerHasAShare) {
    const auto kept = note(refusal("partner.example", ""), 0);
    for (int i = 0; i < 150; ++i) note(refusal("x.example", "", "reason " + std::to_string(i)), 1 + i);
    EXPECT_TRUE(refusals_.find(kept));
    EXPECT_EQ(refusals_.newest("x.example", 10'000).size(), Refusals::most_of_one);
}

TEST_F(RefusalsTest, WhatOthersWroteIsCutAndMadePrintable) {
    const auto noted = refusals_.note(refusal("partner.example", "192.0.2.1", "a\x1b[2J" + std::string(5'000, 'x')),
                                      true, at(0), random_);
    const auto found = refusals_.find(noted.reference);
    ASSERT_TRUE(found);
    EXPECT_EQ(noted.why, found->why) << "what is told is what is kept";
    EXPECT_EQ(found->why.substr(0, 5), "a?[2J");
    EXPECT_LE(found->why.size(), Refusals::most_words);
}

TEST_F(RefusalsTest, TheStoreGetsWhatHasChangedAndGivesItBack) {
    EXPECT_TRUE(refusals_.take_changes().empty());
    const auto one = note(refusal("partner.example"), 0);
    auto change = refusals_.take_changes();
    ASSERT_EQ(change.changed.size(), 1U);
    EXPECT_TRUE(refusals_.take_changes().empty());
    note(refusal("partner.example"), 1);
    EXPECT_EQ(refusals_.take_changes().changed.size(), 1U);

    Refusals after_restart;
    after_restart.restore(std::move(change.changed));
    EXPECT_TRUE(after_restart.find(one));
    EXPECT_EQ(after_restart.note(refusal("partner.example"), true, at(9), random_).reference, one)
        << "the partner is told the same";

    for (std::size_t i = 0; i < Refusals::most_of_one; ++i) note(refusal("n" + std::to_string(i)), 2);
    change = refusals_.take_changes();
    EXPECT_EQ(change.gone, std::vector{one});

    EXPECT_TRUE(refusals_.take_changes().empty());
    refusals_.put_back(change);
    const auto again = refusals_.take_changes();
    EXPECT_EQ(again.changed, change.changed) << "what could not be stored is given again";
    EXPECT_EQ(again.gone, change.gone);
}

TEST_F(RefusalsTest, WhatTheStoreNeverHadIsNotTakenOutOfIt) {
    for (int i = 0; i < 1'000; ++i) note(refusal("n" + std::to_string(i)), i);
    EXPECT_TRUE(refusals_.take_changes().gone.empty());
}

TEST_F(RefusalsTest, MoreThanIsKeptLeavesTheStore) {
    std::vector<Refusal> stored;
    for (std::size_t i = 0; i < Refusals::most + 5; ++i) {
        auto one = refusal("n" + std::to_string(i), "192.0.2." + std::to_string(i % 200));
        one.reference = "r" + std::to_string(i);
        stored.push_back(one);
    }
    stored.push_back(stored.front());
    stored.back().reference = "twice";
    refusals_.restore(stored);
    EXPECT_EQ(refusals_.take_changes().gone.size(), 6U);
}

}  // namespace
}  // namespace parley::im
