#include "gateway/federation/turns.hpp"

#include <string>

#include <gtest/gtest.h>

#include "gateway/federation/send_queue.hpp"

namespace parley::gateway {
namespace {

using namespace std::chrono_literals;

struct Asked {
    void ask(std::string name, bool online, bool first, std::uint64_t person = 0) {
        turns.ask({online, first, person, [this, name] { order += name; }});
    }
    std::string take(Turns::Bounds bounds) {
        order.clear();
        for (const auto& go : turns.take(bounds, now)) go();
        return order;
    }
    Turns turns;
    std::string order;
    SteadyTime now{1'000s};
};

TEST(Turns, WhoIsOnlineComesFirstAndKnownPeopleBeforeNewOnes) {
    Asked a;
    a.ask("f", false, true);
    a.ask("k", false, false);
    a.ask("F", true, true);
    a.ask("K", true, false);
    a.ask("L", true, false);
    EXPECT_EQ(a.take({2, {}}), "KL");
    EXPECT_EQ(a.take({2, {}}), "");  // both wait for their answers
    EXPECT_EQ(a.turns.waiting(), 3u);
    a.turns.done();
    EXPECT_EQ(a.take({2, {}}), "F");
    a.turns.done();
    a.turns.done();
    EXPECT_EQ(a.take({2, {}}), "kf");
    EXPECT_FALSE(a.turns.idle(a.now));
    a.turns.done();
    a.turns.done();
    EXPECT_TRUE(a.turns.idle(a.now));
}

TEST(Turns, NewPeopleAreMetALimitedNumberADay) {
    Asked a;
    const Turns::Bounds discovered{100, 2};
    a.ask("a", true, true, 1);
    a.ask("b", true, true, 2);
    a.ask("c", true, true, 3);
    a.ask("k", false, false, 4);
    EXPECT_EQ(a.take(discovered), "abk");  // known people do not count
    ASSERT_TRUE(a.turns.next());
    EXPECT_EQ(*a.turns.next(), a.now + 24h);
    a.ask("A", false, true, 1);  // another of ours asks for somebody we have asked for
    EXPECT_EQ(a.take(discovered), "A");
    a.now += 24h;
    EXPECT_EQ(a.take(discovered), "c");
    EXPECT_FALSE(a.turns.next());
    for (int i = 0; i < 5; ++i) a.turns.done();
    EXPECT_FALSE(a.turns.idle(a.now));  // whom we met is remembered
    EXPECT_TRUE(a.turns.idle(a.now + 24h));
}

TEST(Turns, APartnerThatListsUsIsAskedForEverybody) {
    Asked a;
    for (std::uint64_t i = 0; i < 5; ++i) a.ask("x", false, true, i);
    EXPECT_EQ(a.take({100, {}}), "xxxxx");
}

TEST(Pace, NoSecondHasMoreThanTheRate) {
    Pace pace;
    std::vector<SteadyTime> sent;
    for (auto now = SteadyTime{500s}; now < SteadyTime{520s}; now += 1ms)
        if (pace.take({18, 1}, now)) sent.push_back(now);
    EXPECT_NEAR(static_cast<double>(sent.size()), 20 * 18, 3);
    for (std::size_t i = 0; i + 19 < sent.size(); ++i) EXPECT_GT(sent[i + 19] - sent[i], 1s) << i;
}

TEST(Pace, WaitSaysWhenTheNextMayGo) {
    Pace pace;
    const SteadyTime now{500s};
    EXPECT_TRUE(pace.take({500, 50}, now));
    for (int i = 0; i < 49; ++i) EXPECT_TRUE(pace.take({500, 50}, now)) << i;
    EXPECT_FALSE(pace.take({500, 50}, now));
    const auto wait = pace.wait({500, 50}, now);
    EXPECT_GT(wait, 0ms);
    EXPECT_LE(wait, 3ms);
    EXPECT_TRUE(pace.take({500, 50}, now + wait));
}

TEST(SendQueue, WhatPeopleWriteGoesFirstAndEachKindKeepsItsOrder) {
    SendQueue queue;
    const SteadyTime now{1s};
    for (const auto* request : {"SUBSCRIBE 1", "SUBSCRIBE 2", "NOTIFY 1", "NOTIFY 2", "MESSAGE 1", "BYE 2"})
        queue.push(
            request, [](std::optional<sip::LinkId>) {}, now);
    EXPECT_EQ(queue.size(), 6u);
    std::string order;
    while (!queue.empty()) order += queue.pop().bytes + ", ";
    EXPECT_EQ(order, "MESSAGE 1, BYE 2, NOTIFY 1, SUBSCRIBE 1, NOTIFY 2, SUBSCRIBE 2, ");
    EXPECT_EQ(queue.bytes(), 0u);
}

TEST(SendQueue, GivesBackWhatHasWaitedTooLong) {
    SendQueue queue;
    queue.push(
        "NOTIFY old", [](std::optional<sip::LinkId>) {}, SteadyTime{1s});
    queue.push(
        "MESSAGE young", [](std::optional<sip::LinkId>) {}, SteadyTime{9s});
    const auto old = queue.older_than(SteadyTime{5s});
    ASSERT_EQ(old.size(), 1u);
    EXPECT_EQ(old.front().bytes, "NOTIFY old");
    EXPECT_EQ(queue.size(), 1u);
    EXPECT_EQ(queue.all().size(), 1u);
}

}  // namespace
}  // namespace parley::gateway
