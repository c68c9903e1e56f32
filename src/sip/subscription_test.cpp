#include <gtest/gtest.h>

#include "sip/limits.hpp"
#include "sip/notifier.hpp"
#include "sip/subscriber.hpp"

namespace parley::sip {
namespace {

using namespace std::chrono_literals;
using Next = SubscriptionEnd::Next;

constexpr SteadyTime t0{1'000'000ms};
const Body open{"application/pidf+xml", "open"}, busy{"application/pidf+xml", "busy"},
    away{"application/pidf+xml", "away"};

std::string shown(const std::optional<Notifier::Notify>& notify) {
    return notify ? notify->state.to_string() + " " + notify->body->text : "nothing";
}

TEST(Notifier, OneInFlightAndOnlyTheNewestWaits) {
    Notifier notifier{Notifier::State::pending, t0};
    notifier.on_subscribe(3600s, t0);
    EXPECT_EQ(shown(notifier.take(t0)), "pending;expires=3600 ");
    notifier.set(Notifier::State::active, open);
    notifier.set(Notifier::State::active, busy);
    EXPECT_EQ(shown(notifier.take(t0)), "nothing");
    notifier.set(Notifier::State::active, away);
    notifier.on_answer(200, false, {}, t0 + 10s);
    EXPECT_EQ(shown(notifier.take(t0 + 10s)), "active;expires=3590 away");
    notifier.on_answer(200, false, {}, t0 + 11s);
    notifier.set(Notifier::State::active, away);  // nothing new
    EXPECT_EQ(shown(notifier.take(t0 + 11s)), "nothing");
    notifier.on_subscribe(7200s, t0 + 20s);  // a refresh is always followed by a NOTIFY
    EXPECT_EQ(shown(notifier.take(t0 + 20s)), "active;expires=7200 away");
}

TEST(Notifier, Ends) {
    struct Case {
        std::string_view what;
        void (*act)(Notifier&);
        std::string_view last;
    };
    for (const auto& c : {
             Case{"expiry", [](Notifier& n) { n.on_time(t0 + 3600s); }, "terminated;reason=timeout open"},
             Case{"unsubscribe", [](Notifier& n) { n.on_subscribe(0s, t0); }, "terminated;reason=timeout open"},
             Case{"rejected", [](Notifier& n) { n.end("rejected"); }, "terminated;reason=rejected open"},
             Case{"probation", [](Notifier& n) { n.end("probation", 30s); },
                  "terminated;reason=probation;retry-after=30 open"},
         }) {
        SCOPED_TRACE(c.what);
        Notifier notifier{Notifier::State::active, t0};
        notifier.on_subscribe(3600s, t0);
        notifier.set(Notifier::State::active, open);
        ASSERT_TRUE(notifier.take(t0));
        notifier.on_answer(200, false, {}, t0);
        c.act(notifier);
        EXPECT_EQ(shown(notifier.take(t0 + 3600s)), c.last);
        EXPECT_FALSE(notifier.finished());
        notifier.on_answer(481, false, {}, t0);
        EXPECT_TRUE(notifier.finished());
        EXPECT_FALSE(notifier.refused());
        EXPECT_FALSE(notifier.next_deadline());
    }
}

TEST(Notifier, WhatAnAnswerMeans) {
    struct Case {
        int status;
        bool local;
        std::optional<Seconds> retry_after;
        bool over;
    };
    for (const auto& c : {
             Case{200, false, {}, false},
             Case{202, false, {}, false},
             Case{481, false, {}, true},
             Case{408, false, {}, true},
             Case{408, true, {}, true},   // timer F
             Case{503, true, {}, false},  // our link is down
             Case{503, false, {}, true},
             Case{503, false, Seconds{20}, false},
             Case{403, false, {}, true},
             Case{603, false, {}, true},
         }) {
        SCOPED_TRACE(c.status);
        Notifier notifier{Notifier::State::active, t0};
        notifier.on_subscribe(3600s, t0);
        ASSERT_TRUE(notifier.take(t0));
        notifier.on_answer(c.status, c.local, c.retry_after, t0);
        EXPECT_EQ(notifier.finished(), c.over);
        EXPECT_EQ(notifier.refused(), c.over);
    }
}

TEST(Notifier, AsksAnUnreachablePeerEverMoreSeldom) {
    Notifier notifier{Notifier::State::active, t0};
    notifier.on_subscribe(3600s, t0);
    auto now = t0;
    std::vector<std::int64_t> waits;
    for (int i = 0; i < 8; ++i) {
        ASSERT_TRUE(notifier.take(now));
        notifier.on_answer(503, true, {}, now);
        EXPECT_FALSE(notifier.take(now));
        waits.push_back((*notifier.next_deadline() - now) / 1s);
        now = *notifier.next_deadline();
    }
    EXPECT_EQ(waits, (std::vector<std::int64_t>{5, 10, 20, 40, 80, 160, 300, 300}));
}

class SubscriberTest : public testing::Test {
protected:
    static Subscriber::Reply ok(Seconds expires) { return {200, false, expires, {}, {}, {}}; }
    static SubscriptionState state(SubscriptionState::Value value, std::optional<Seconds> expires = {},
                                   std::string reason = {}) {
        return {value, expires, {}, std::move(reason)};
    }
    Subscriber active() {
        Subscriber s{3600s, random};
        (void)s.take();
        s.on_answer(ok(3600s), t0);
        s.on_notify(state(SubscriptionState::Value::active, 3600s), t0);
        return s;
    }
    SeededRandom random{1};
};

TEST_F(SubscriberTest, RefreshesInTimeAndWithJitter) {
    auto s = active();
    EXPECT_EQ(s.state(), Subscriber::State::active);
    const auto at = *s.next_deadline();
    EXPECT_GE(at, t0 + 2880s);
    EXPECT_LE(at, t0 + 3240s);
    EXPECT_NE(*active().next_deadline(), at);
    s.on_time(at);
    EXPECT_EQ(s.take(), 3600s);
    EXPECT_FALSE(s.take());
    s.on_answer(ok(7200s), at);
    EXPECT_GE(*s.next_deadline(), at + 5760s);
}

TEST_F(SubscriberTest, NeedsANotify) {
    Subscriber s{3600s, random};
    EXPECT_EQ(s.take(), 3600s);
    s.on_answer(ok(3600s), t0);
    s.on_time(t0 + timer::transaction);  // N
    ASSERT_TRUE(s.end());
    EXPECT_EQ(s.end()->next, Next::later);
    Subscriber early{3600s, random};
    (void)early.take();
    early.on_notify(state(SubscriptionState::Value::pending, 600s), t0);  // before the 200
    early.on_answer(ok(3600s), t0);
    early.on_time(t0 + timer::transaction);
    EXPECT_FALSE(early.end());
    EXPECT_EQ(early.state(), Subscriber::State::pending);
}

TEST_F(SubscriberTest, WhatARefusedStartMeans) {
    struct Case {
        int status;
        bool local;
        Next next;
    };
    for (const auto& c : {
             Case{403, false, Next::never},
             Case{404, false, Next::never},
             Case{407, false, Next::later},
             Case{489, false, Next::never},
             Case{603, false, Next::never},
             Case{480, false, Next::later},
             Case{481, false, Next::later},
             Case{504, false, Next::later},
             Case{408, true, Next::later},
             Case{503, true, Next::later},
         }) {
        SCOPED_TRACE(c.status);
        Subscriber s{3600s, random};
        (void)s.take();
        s.on_answer({c.status, c.local, {}, {}, {}, "why"}, t0);
        ASSERT_TRUE(s.end());
        EXPECT_EQ(s.end()->next, c.next);
        EXPECT_EQ(s.end()->status, c.status);
        EXPECT_EQ(s.end()->reason, "why");
    }
}

TEST_F(SubscriberTest, WhatARefusedRefreshMeans) {
    struct Case {
        int status;
        bool local;
        std::optional<Next> next;  // none: it stands
    };
    for (const auto& c : {
             Case{481, false, Next::now},
             Case{403, false, Next::never},
             Case{489, false, Next::never},
             Case{480, false, {}},
             Case{503, false, {}},
             Case{503, true, {}},
             Case{408, true, {}},
         }) {
        SCOPED_TRACE(c.status);
        auto s = active();
        s.refresh();
        (void)s.take();
        s.on_answer({c.status, c.local, {}, {}, {}, {}}, t0 + 100s);
        ASSERT_EQ(s.end().has_value(), c.next.has_value());
        if (c.next) {
            EXPECT_EQ(s.end()->next, *c.next);
            continue;
        }
        ASSERT_TRUE(s.next_deadline());  // and is tried again, not by all at the same moment
        EXPECT_GE(*s.next_deadline(), t0 + 160s);
        EXPECT_LE(*s.next_deadline(), t0 + 220s);
        s.on_time(t0 + 3600s);
        EXPECT_EQ(s.end()->next, Next::later);
    }
}

TEST_F(SubscriberTest, WhatATerminatedNotifyMeans) {
    struct Case {
        std::string_view reason;
        Next next;
    };
    for (const auto& c : {
             Case{"deactivated", Next::now},
             Case{"probation", Next::later},
             Case{"giveup", Next::later},
             Case{"timeout", Next::allowed},
             Case{"rejected", Next::never},
             Case{"noresource", Next::never},
             Case{"invariant", Next::never},
             Case{"odd", Next::allowed},
             Case{"", Next::allowed},
         }) {
        SCOPED_TRACE(c.reason);
        auto s = active();
        auto gone = state(SubscriptionState::Value::terminated, {}, std::string(c.reason));
        gone.retry_after = 7s;
        s.on_notify(gone, t0);
        ASSERT_TRUE(s.end());
        EXPECT_EQ(s.end()->next, c.next);
        EXPECT_EQ(s.end()->retry_after, 7s);
        EXPECT_FALSE(s.next_deadline());
    }
}

TEST_F(SubscriberTest, IntervalTooBrief) {
    Subscriber s{60s, random};
    EXPECT_EQ(s.take(), 60s);
    s.on_answer({423, false, {}, 600s, {}, {}}, t0);
    EXPECT_EQ(s.take(), 600s);
    s.on_answer({423, false, {}, 900s, {}, {}}, t0);  // once is enough
    ASSERT_TRUE(s.end());
    EXPECT_EQ(s.end()->next, Next::later);
}

TEST_F(SubscriberTest, UnsubscribesAndLooksUp) {
    auto s = active();
    s.unsubscribe(t0);
    EXPECT_EQ(s.take(), 0s);
    s.on_answer(ok(0s), t0);
    EXPECT_FALSE(s.end());
    s.on_notify(state(SubscriptionState::Value::terminated, {}, "timeout"), t0);
    EXPECT_EQ(s.end()->next, Next::asked);
    Subscriber look_up{0s, random};
    EXPECT_EQ(look_up.take(), 0s);
    look_up.on_answer(ok(0s), t0);
    look_up.on_notify(state(SubscriptionState::Value::terminated, {}, "timeout"), t0);
    EXPECT_EQ(look_up.end()->next, Next::allowed);
}

TEST_F(SubscriberTest, DoesNotSpinWhileAnAnswerIsAwaited) {
    auto s = active();
    s.refresh();
    (void)s.take();
    s.on_time(t0 + 3600s);
    EXPECT_FALSE(s.end());
    EXPECT_FALSE(s.next_deadline());  // the transaction's own end comes
    s.on_answer({408, true, {}, {}, {}, {}}, t0 + 3620s);
    ASSERT_TRUE(s.end());
    EXPECT_EQ(s.end()->next, Next::later);
}

TEST_F(SubscriberTest, GoesOnAfterARestart) {
    auto s = Subscriber::restored(Subscriber::State::active, 3600s, t0 + 1000s, random, t0);
    EXPECT_FALSE(s.take());
    EXPECT_GE(*s.next_deadline(), t0 + 800s);
    EXPECT_LE(*s.next_deadline(), t0 + 900s);
    auto late = Subscriber::restored(Subscriber::State::active, 3600s, t0 - 1s, random, t0);
    late.on_time(t0);
    EXPECT_TRUE(late.end());
}

}  // namespace
}  // namespace parley::sip
