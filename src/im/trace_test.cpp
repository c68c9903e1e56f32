#include "im/trace.hpp"

#include <thread>

#include <gtest/gtest.h>

namespace parley::im {
namespace {

using namespace std::chrono_literals;

xmpp::Jid jid(std::string_view text) {
    return *xmpp::Jid::parse(text);
}

const TimePoint start{Millis(1'700'000'000'000)};
const auto alice = jid("alice@example.com"), bob = jid("bob@partner.example"), carol = jid("carol@example.com");

TraceEvent event(std::string what, std::vector<std::string> keys = {}, TimePoint at = start) {
    TraceEvent out;
    out.at = at;
    out.way = TraceEvent::Way::from_user;
    out.what = std::move(what);
    out.keys = std::move(keys);
    return out;
}

std::vector<std::string> words(const Tracer& tracer, std::uint32_t id) {
    std::vector<std::string> out;
    for (const auto& each : tracer.events(id, true)) out.push_back(each.what);
    return out;
}

TEST(Trace, RecordsWhatItFollowsAndNothingElse) {
    struct Case {
        const char *who, *with, *one, *other;
        bool followed;
    };
    for (const auto& c : {
             Case{"alice@example.com", "", "alice@example.com/desk", "bob@partner.example", true},
             Case{"alice@example.com", "", "bob@partner.example", "alice@example.com", true},
             Case{"alice@example.com", "", "carol@example.com", "bob@partner.example", false},
             Case{"partner.example", "", "carol@example.com", "bob@partner.example", true},
             Case{"partner.example", "", "example.com", "partner.example", true},
             Case{"partner.example", "", "carol@example.com", "bob@sub.partner.example", false},
             Case{"alice@example.com", "bob@partner.example", "alice@example.com", "bob@partner.example/x", true},
             Case{"bob@partner.example", "alice@example.com", "alice@example.com", "bob@partner.example/x", true},
             Case{"alice@example.com", "bob@partner.example", "alice@example.com", "carol@example.com", false},
             Case{"alice@example.com", "partner.example", "alice@example.com", "eve@partner.example", true},
         }) {
        SCOPED_TRACE(std::string(c.who) + ' ' + c.with + ": " + c.one + ' ' + c.other);
        Tracer tracer;
        EXPECT_FALSE(tracer.on());
        EXPECT_FALSE(tracer.wants(jid(c.one), jid(c.other)));
        const auto trace = tracer.start(jid(c.who), *c.with ? jid(c.with) : xmpp::Jid(), 5min, false, start);
        ASSERT_TRUE(trace);
        EXPECT_TRUE(tracer.on());
        EXPECT_TRUE(!c.followed || tracer.wants(jid(c.one), jid(c.other)));
        tracer.record(jid(c.one), jid(c.other), event("message"));
        EXPECT_EQ(tracer.events(trace->id, false).size(), c.followed ? 1U : 0U);
    }
}

TEST(Trace, AnAddressMayBeMissing) {
    Tracer tracer;
    const auto trace = tracer.start(alice, {}, 5min, false, start);
    EXPECT_TRUE(tracer.wants(alice, {}));
    EXPECT_FALSE(tracer.wants({}, {}));
    tracer.record(alice, {}, event("presence"));
    EXPECT_EQ(words(tracer, trace->id), std::vector<std::string>{"presence"});
}

TEST(Trace, BodiesAreKeptOnlyWhereTheyWereAskedForAndShownOnlyWhereTheyAre) {
    Tracer tracer;
    const auto plain = tracer.start(alice, {}, 5min, false, start);
    EXPECT_FALSE(tracer.wants_body(alice, bob));
    const auto full = tracer.start(bob, {}, 5min, true, start);
    EXPECT_TRUE(tracer.wants_body(alice, bob));
    EXPECT_FALSE(tracer.wants_body(alice, carol));
    auto said = event("message");
    said.body = "secret";
    said.body_bytes = 6;
    tracer.record(alice, bob, said);
    EXPECT_EQ(tracer.events(full->id, true).front().body, "secret");
    EXPECT_EQ(tracer.events(full->id, false).front().body, std::nullopt);
    EXPECT_EQ(tracer.events(plain->id, true).front().body, std::nullopt);
    EXPECT_EQ(tracer.events(plain->id, true).front().body_bytes, 6U);
    EXPECT_TRUE(tracer.stop(full->id, false, start + 1s));
    EXPECT_FALSE(tracer.wants_body(alice, bob));
}

TEST(Trace, EndsWithItsTimeAlsoWhenNobodyAsks) {
    Tracer tracer;
    const auto trace = tracer.start(alice, {}, 5min, false, start);
    tracer.record(alice, bob, event("within", {}, start + 4min));
    tracer.record(alice, bob, event("late", {}, start + 5min));
    EXPECT_FALSE(tracer.on());
    EXPECT_EQ(words(tracer, trace->id), std::vector<std::string>{"within"});

    const auto second = tracer.start(alice, {}, 1min, false, start);
    EXPECT_EQ(tracer.expire(start), start + 1min);
    EXPECT_EQ(tracer.expire(start + 1min), std::nullopt);
    EXPECT_FALSE(tracer.on());
    ASSERT_TRUE(tracer.find(std::to_string(second->id)));
    EXPECT_EQ(tracer.find(std::to_string(second->id))->until, start + 1min);
    tracer.expire(start + 2 * ended_trace_kept);
    EXPECT_TRUE(tracer.list().empty());
}

TEST(Trace, LastsNoLongerThanItMay) {
    Tracer tracer;
    const auto trace = tracer.start(alice, {}, 10'000'000min, false, start);
    EXPECT_EQ(trace->until, start + longest_trace);
}

TEST(Trace, HasBoundsInNumber) {
    Tracer tracer;
    for (std::size_t i = 0; i < most_traces; ++i) ASSERT_TRUE(tracer.start(alice, {}, 5min, false, start));
    EXPECT_EQ(tracer.start(bob, {}, 5min, false, start).error().code, Errc::conflict);
    EXPECT_TRUE(tracer.stop(3, false, start));
    ASSERT_TRUE(tracer.start(bob, {}, 5min, false, start)) << "one that has ended makes room";
    EXPECT_FALSE(tracer.find("3"));
    EXPECT_EQ(tracer.list().size(), most_traces);
}

TEST(Trace, HasBoundsInEventsAndBytes) {
    Tracer tracer;
    const auto trace = tracer.start(alice, {}, 5min, true, start);
    for (std::size_t i = 0; i < most_trace_events + 10; ++i) tracer.record(alice, bob, event(std::to_string(i)));
    EXPECT_EQ(tracer.find("")->events, most_trace_events);
    EXPECT_EQ(tracer.find("")->dropped, 10U);
    EXPECT_EQ(words(tracer, trace->id).front(), "10");

    auto large = event("large");
    large.body = std::string(10'000, 'x');
    for (int i = 0; i < 400; ++i) {
        large.keys = {std::string(1'000, 'k'), std::string(1'000, 'l')};
        large.facts.assign(20, {"fact", std::string(1'000, 'f')});
        tracer.record(alice, bob, large);
    }
    std::size_t bytes = 0;
    for (const auto& each : tracer.events(trace->id, true)) {
        EXPECT_LE(each.body ? each.body->size() : 0, most_trace_body);
        for (const auto& [name, value] : each.facts) bytes += value.size();
        for (const auto& key : each.keys) bytes += key.size();
        bytes += each.body ? each.body->size() : 0;
    }
    EXPECT_LE(bytes, most_trace_bytes);
    EXPECT_GT(bytes, most_trace_bytes / 2) << "and not much too early";
}

TEST(Trace, IsFoundByNumberPersonOrAsTheNewest) {
    Tracer tracer;
    EXPECT_FALSE(tracer.find(""));
    tracer.start(alice, {}, 5min, false, start);
    tracer.start(bob, {}, 5min, false, start);
    tracer.start(alice, {}, 5min, false, start);
    tracer.start(jid("partner.example"), {}, 5min, false, start);
    EXPECT_EQ(tracer.find("")->id, 4U);
    EXPECT_EQ(tracer.find("2")->who, "bob@partner.example");
    EXPECT_EQ(tracer.find("alice@example.com")->id, 3U);
    EXPECT_EQ(tracer.find("partner.example")->id, 4U);
    EXPECT_FALSE(tracer.find("eve@example.com"));
    EXPECT_EQ(tracer.stop(9, false, start).error().code, Errc::not_found);
    EXPECT_TRUE(tracer.stop(4, true, start));
    EXPECT_EQ(tracer.find("")->id, 3U);
}

TEST(Trace, JoinsEventsThatShareAKey) {
    std::vector<TraceEvent> events{event("stanza", {"message 1", "id a"}),
                                   event("another", {"message 2"}),
                                   event("stored", {"message 1"}),
                                   event("alone"),
                                   event("INVITE", {"sip c 1", "message 2"}),
                                   event("200", {"sip c 1"}),
                                   event("error", {"id a"}),
                                   event("BYE", {"sip c 2"})};
    group_events(events);
    std::vector<std::size_t> groups;
    groups.reserve(events.size());
    for (const auto& each : events) groups.push_back(each.group);
    EXPECT_EQ(groups, (std::vector<std::size_t>{1, 2, 1, 0, 2, 2, 1, 3}));
}

TEST(Trace, JoinsGroupsThatMeetLater) {
    std::vector<TraceEvent> events{event("a", {"1"}), event("b", {"2"}), event("c", {"3"}), event("d", {"3", "1"})};
    group_events(events);
    EXPECT_EQ(events[0].group, events[3].group);
    EXPECT_EQ(events[2].group, events[3].group);
    EXPECT_EQ(events[1].group, 2U);
}

TEST(Trace, ManyThreadsRecordWhileTracesComeAndGo) {
    Tracer tracer;
    const auto kept = tracer.start(alice, {}, 5min, false, start);
    std::vector<std::thread> threads;
    threads.reserve(3);
    for (int t = 0; t < 3; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 500; ++i)
                if (tracer.on() && tracer.wants(alice, bob)) tracer.record(alice, bob, event("message"));
        });
    for (int i = 0; i < 100; ++i) {
        const auto other = tracer.start(bob, {}, 5min, true, start);
        ASSERT_TRUE(other);
        tracer.events(kept->id, false);
        ASSERT_TRUE(tracer.stop(other->id, true, start));
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(tracer.events(kept->id, false).size(), 1'500U);
}

}  // namespace
}  // namespace parley::im
