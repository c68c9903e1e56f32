#include "gateway/crowd_fixture.hpp"

namespace parley::gateway {
namespace {

using namespace std::chrono_literals;
using test::CrowdWorld;

// Some thousand subscriptions. The same has been run with ten thousand; only times grow with it.
constexpr std::size_t users = 100, people = 10, all = users * people;
// Without a connection, the next attempt; and then the canary and its answer.
constexpr auto notices_return = 6s;

struct Thousands : CrowdWorld {
    Thousands() {
        watch(users, people);
        executor.advance(40s);
        EXPECT_EQ(crowd.initial, all);
        EXPECT_EQ(crowd.dialogs.size(), all);
        EXPECT_EQ(rows.size(), all);
        crowd.reset_counts();
        router.got.clear();
    }
    std::size_t fresh_of(std::size_t user) const {
        std::size_t n = 0;
        for (std::size_t p = 0; p < people; ++p)
            n += crowd.fresh.contains("sip:" + watcher(user) + " sip:" + person(p));
        return n;
    }
};

TEST(SipGatewayRecovery, OurRestartIsNotNoticed) {
    Thousands w;
    w.crowd.go_down(false);
    w.restart();
    w.crowd.listen();
    w.executor.advance(5min);
    EXPECT_EQ(w.crowd.requests.size(), 0u);  // nothing is asked anew
    // One of ours comes back: sees at once what was known, and a refresh in the old dialog brings what is so.
    w.router.online.insert(test::jid(CrowdWorld::watcher(7)));
    for (std::size_t p = 0; p < people; ++p)
        w.post(w.stanza(xmpp::Stanza::Kind::presence, "probe", CrowdWorld::watcher(7) + "/b", CrowdWorld::person(p)));
    EXPECT_EQ(w.router.got.size(), people);
    EXPECT_EQ(w.router.got.front().envelope.stanza->type, "");
    w.executor.advance(5s);
    EXPECT_EQ(w.crowd.initial, 0u);
    EXPECT_EQ(w.crowd.refreshes, people);
    EXPECT_EQ(w.crowd.unknown, 0u);
    // Every one of the old dialogs goes on.
    w.router.got.clear();
    w.crowd.notify_all("closed");
    EXPECT_EQ(w.crowd.answers, (std::map<int, int>{{200, static_cast<int>(all)}}));
    EXPECT_EQ(w.router.got.size(), all);
}

TEST(SipGatewayRecovery, APartnerThatTrustsUsAndForgetsAllIsServedWithinHalfAMinute) {
    Thousands w;
    w.crowd.go_down(true);
    w.executor.advance(7min);
    EXPECT_TRUE(w.router.got.empty());  // nobody is shown as offline for that
    w.crowd.listen();
    w.executor.advance(notices_return + 1'000ms * all / 450);  // of ten thousand: 29 s
    EXPECT_EQ(w.crowd.unknown, 1u);                            // the canary
    EXPECT_EQ(w.crowd.initial, all);
    EXPECT_EQ(w.crowd.fresh.size(), all);
    EXPECT_LE(w.crowd.busiest_second(), 551u);
    EXPECT_EQ(w.rows.size(), all);
    w.executor.advance(1h);
    EXPECT_EQ(w.crowd.initial, all);  // once each
}

TEST(SipGatewayRecovery, APartnerFoundByDiscoveryIsAskedSlowlyAndFirstForThoseWhoAreHere) {
    Thousands w;
    w.trust(false);
    for (const std::size_t user : {3u, 50u, 71u, 99u}) w.router.online.insert(test::jid(CrowdWorld::watcher(user)));
    w.crowd.go_down(true);
    w.executor.advance(1min);
    w.crowd.listen();
    w.crowd.reset_counts();
    w.executor.advance(1min);
    for (const std::size_t user : {3u, 50u, 71u, 99u}) EXPECT_EQ(w.fresh_of(user), people) << user;
    w.executor.advance(notices_return + 1'000ms * all / 17 - 1min);  // of ten thousand: 9 min 55 s
    EXPECT_EQ(w.crowd.fresh.size(), all);
    EXPECT_EQ(w.crowd.initial, all);
    EXPECT_EQ(w.crowd.unknown, 1u);
    EXPECT_LE(w.crowd.busiest_second(), 19u);
}

TEST(SipGatewayRecovery, WhoComesOnlineMeanwhileOvertakes) {
    CrowdWorld w;
    w.watch(20, 50);
    w.executor.advance(10s);
    w.trust(false);
    w.crowd.go_down(true);
    w.executor.advance(1min);
    w.crowd.listen();
    w.executor.advance(10s);
    w.crowd.reset_counts();
    w.router.online.insert(test::jid(CrowdWorld::watcher(19)));
    for (std::size_t p = 0; p < 50; ++p)
        w.post(w.stanza(xmpp::Stanza::Kind::presence, "probe", CrowdWorld::watcher(19) + "/b", CrowdWorld::person(p)));
    w.executor.advance(7s);
    for (std::size_t p = 0; p < 50; ++p)
        EXPECT_TRUE(w.crowd.fresh.contains("sip:" + CrowdWorld::watcher(19) + " sip:" + CrowdWorld::person(p))) << p;
    w.executor.advance(1min);
    EXPECT_EQ(w.crowd.dialogs.size(), 1000u);  // nobody twice
}

TEST(SipGatewayRecovery, MessagesDoNotWaitBehindSubscriptions) {
    CrowdWorld w;
    w.watch(10, 100);
    w.executor.advance(10s);
    w.trust(false);
    w.crowd.go_down(true);
    w.executor.advance(10s);
    w.crowd.listen();
    w.executor.advance(10s);
    const auto before = w.crowd.requests.size();
    auto text = w.stanza(xmpp::Stanza::Kind::message, "chat", CrowdWorld::watcher(1) + "/a", CrowdWorld::person(1));
    text.add(xml::Element("jabber:client", "body")).add_text("now");
    w.post(std::move(text));
    w.executor.advance(120ms);
    EXPECT_TRUE(w.crowd.methods.contains("INVITE"));
    EXPECT_LE(w.crowd.requests.size() - before, 3u);
}

TEST(SipGatewayRecovery, AClosedIdleConnectionCostsOneRefresh) {
    CrowdWorld w;
    w.watch(5, 10);
    w.executor.advance(5s);
    w.crowd.reset_counts();
    w.crowd.close_connections();
    w.executor.advance(1min);
    EXPECT_EQ(w.crowd.refreshes, 1u);  // of all shards together
    EXPECT_EQ(w.crowd.initial, 0u);
    EXPECT_EQ(w.crowd.requests.size(), 1u);
}

TEST(SipGatewayRecovery, OneLostDialogIsOneNewDialog) {
    CrowdWorld w;
    w.watch(5, 10);
    w.executor.advance(5s);
    w.crowd.reset_counts();
    const auto lost = w.crowd.dialogs.begin()->first;
    w.crowd.dialogs.erase(lost);
    w.executor.advance(7200s * 9 / 10);  // all are refreshed once
    EXPECT_EQ(w.crowd.unknown, 1u);
    EXPECT_EQ(w.crowd.initial, 1u);
    EXPECT_EQ(w.crowd.dialogs.size(), 50u);
    EXPECT_FALSE(w.router.find("type='unavailable'"));
}

TEST(SipGatewayRecovery, ForgettingWithoutALostConnectionIsNoticedByRefreshes) {
    CrowdWorld w;
    w.watch(5, 10);
    w.executor.advance(5s);
    w.crowd.reset_counts();
    w.crowd.dialogs.clear();
    EXPECT_TRUE(w.executor.run_until([&] { return w.crowd.unknown > 0; }, 2h));
    w.executor.advance(5s);
    EXPECT_LE(w.crowd.unknown, 4u);  // the refresh that was due, and its canaries
    EXPECT_EQ(w.crowd.dialogs.size(), 50u);
}

TEST(SipGatewayRecovery, ASilentPeerIsALostOne) {
    CrowdWorld w;
    w.watch(5, 10);
    w.executor.advance(5s);
    w.crowd.reset_counts();
    w.network.set_black_hole("10.0.0.2", true);  // nobody is told that the connection is gone
    w.post(w.stanza(xmpp::Stanza::Kind::presence, "subscribe", CrowdWorld::watcher(0) + "/a", CrowdWorld::person(77)));
    w.executor.advance(40s);
    w.crowd.dialogs.clear();
    w.network.set_black_hole("10.0.0.2", false);
    w.executor.advance(30s);
    EXPECT_EQ(w.crowd.dialogs.size(), 51u);
    EXPECT_EQ(w.crowd.initial, 51u);
}

TEST(SipGatewayRecovery, AlwaysEndedSubscriptionsAreNoStorm) {
    CrowdWorld w;
    w.watch(1, 1);
    w.executor.advance(1s);
    w.crowd.reset_counts();
    for (int i = 0; i < 3600; ++i) {
        for (auto& [id, dialog] : std::exchange(w.crowd.dialogs, {}))
            w.crowd.notify(dialog, "open", i % 2 ? "terminated;reason=timeout" : "terminated;reason=deactivated");
        w.executor.advance(1s);
    }
    EXPECT_GE(w.crowd.initial, 3u);
    EXPECT_LE(w.crowd.initial, 12u);
}

TEST(SipGatewayRecovery, NewPeopleOfADiscoveredPartnerAreMetSlowly) {
    CrowdWorld w(false);
    w.crowd.answer_with = 404;
    w.watch(1, 1000);
    w.executor.advance(23h);
    EXPECT_EQ(w.crowd.people.size(), 400u);
    w.executor.advance(2h);
    EXPECT_EQ(w.crowd.people.size(), 800u);
    w.trust(true);
    w.executor.advance(24h);
    EXPECT_EQ(w.crowd.people.size(), 1000u);
}

TEST(SipGatewayRecovery, APartnerThatMovesIsFound) {
    CrowdWorld w;
    w.watch(2, 2);
    w.executor.advance(1s);
    w.crowd.go_down(true);
    // DNS still knows the old place for a moment.
    w.post(w.stanza(xmpp::Stanza::Kind::presence, "subscribe", CrowdWorld::watcher(0) + "/a", CrowdWorld::person(9)));
    w.executor.advance(2s);
    w.network.dns().srv["_sipfederationtls._tcp.sip.example.net"] = {{0, 0, 5071, "edge.example.net"}};
    w.crowd.listen(5071);
    w.executor.advance(15s);
    EXPECT_EQ(w.crowd.dialogs.size(), 5u);
}

}  // namespace
}  // namespace parley::gateway
