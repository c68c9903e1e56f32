#include "gateway/gateway_fixture.hpp"

// A partner that means harm, as far as the whole gateway has to bear it; see also
// tests/acceptance/test_hostile_partner.py.
namespace parley::gateway {
namespace {

using namespace std::chrono_literals;
using test::MemoryNetwork;
using test::World;

TEST(SipGatewayHostile, APeerThatDoesNotReadIsReadNoFurtherAndLosesItsConnection) {
    World world;
    world.peer.connect(5060);
    world.peer.connection->pause_reading(true);
    constexpr int many = 6'000;
    for (int i = 0; i < many; ++i)
        world.peer.say(
            world.request("OPTIONS", std::to_string(i + 1), {}, {}, "bob@sip.example.net", "o" + std::to_string(i)));
    world.executor.advance(5s);
    EXPECT_EQ(world.peer.closed, 0);
    world.executor.advance(30s);
    world.peer.connection->pause_reading(false);
    world.executor.run_until_idle();
    EXPECT_EQ(world.peer.closed, 1);
    EXPECT_LT(world.peer.heard.size(), many / 2u) << "it was answered on and on";
    // It may come again.
    world.peer.connect(5060);
    world.peer.heard.clear();
    world.peer.framer = {};
    world.peer.say(world.request("OPTIONS", "1", {}, {}, "bob@sip.example.net", "again"));
    EXPECT_EQ(world.peer.last_status(), 200);
}

TEST(SipGatewayHostile, TheTagsOfAnotherPartnersDialogAreWorthNothing) {
    World world;
    auto changed = std::make_shared<SipSettings>(*world.settings);
    auto other = changed->policy.rules["sip.example.net"];
    other.domain = "other.example";
    changed->policy.rules[other.domain] = other;
    world.settings = changed;
    world.peer.connect(5060);
    world.peer.say(world.request("SUBSCRIBE", "1", {}, "Event: presence\n"));
    ASSERT_EQ(world.peer.last_status(), 200);
    const auto tag = std::string(world.peer.response()->to()->tag());
    world.peer.say(world.request("SUBSCRIBE", "2", tag, "Event: presence\nExpires: 0\n", "mallory@other.example"));
    EXPECT_EQ(world.peer.last_status(), 481);
    world.peer.say(world.request("SUBSCRIBE", "2", tag, "Event: presence\n", "bob@SIP.example.net"));
    EXPECT_EQ(world.peer.last_status(), 200) << "the dialog goes on, and the number was not used up";
}

TEST(SipGatewayHostile, OneAddressDoesNotTakeAllConnections) {
    World world;
    std::vector<std::unique_ptr<net::Connection>> held;
    struct Count final : net::Connection::Handler {
        void on_bytes(std::string_view) override {}
        void on_closed(const Error&) override { ++closed; }
        int closed = 0;
    } count;
    for (int i = 0; i < 500; ++i)
        world.partner.connect(world.executor, {"10.0.0.1", 5060}, 1s, [&](Result<std::unique_ptr<net::Connection>> c) {
            ASSERT_TRUE(c);
            held.push_back(*std::move(c));
            held.back()->set_handler(&count);
        });
    world.executor.run_until_idle();
    EXPECT_EQ(held.size(), 500u);
    EXPECT_EQ(count.closed, 100) << "two shards with two hundred each";
    // Somebody else still comes in.
    MemoryNetwork other{world.network, "10.0.0.9"};
    std::unique_ptr<net::Connection> another;
    Count its_own;
    other.connect(world.executor, {"10.0.0.1", 5060}, 1s, [&](Result<std::unique_ptr<net::Connection>> c) {
        ASSERT_TRUE(c);
        another = *std::move(c);
        another->set_handler(&its_own);
    });
    world.executor.run_until_idle();
    EXPECT_EQ(its_own.closed, 0);
    held.clear();
    another.reset();
}

TEST(SipGatewayHostile, WithManyConnectionsAPartnerHasNoMoreRequests) {
    World world;
    constexpr int connections = 6, each = 700;  // both shards; listed by a next hop, it has 1000 a second
    std::vector<std::unique_ptr<test::Peer>> peers;
    for (int i = 0; i < connections; ++i) {
        peers.push_back(std::make_unique<test::Peer>(world.partner, world.executor));
        peers.back()->connect(5060);
        for (int n = 0; n < each; ++n)
            peers.back()->say(world.request("OPTIONS", std::to_string(n + 1), {}, {}, "bob@sip.example.net",
                                            std::to_string(i) + "o" + std::to_string(n)));
    }
    const auto answered = [&] {
        std::size_t all = 0;
        for (const auto& peer : peers) all += peer->heard.size();
        return all;
    };
    EXPECT_GE(answered(), 2000u) << "a burst of two seconds";
    EXPECT_LE(answered(), 2000u + connections);
    world.executor.advance(1s);
    EXPECT_LE(answered(), 3000u + connections);
    world.executor.advance(5s);
    EXPECT_EQ(answered(), std::size_t{connections * each}) << "nothing is lost";
}

TEST(SipGatewayHostile, SipsIsRefusedAndNobodyHearsOfIt) {
    World world;
    world.peer.connect(5060);
    auto text = world.request("SUBSCRIBE", "1", {}, "Event: presence\n");
    text.replace(text.find("To: <sip:"), 9, "To: <sips:");
    world.peer.say(text);
    EXPECT_EQ(world.peer.last_status(), 416);
    EXPECT_TRUE(world.router.got.empty());
}

}  // namespace
}  // namespace parley::gateway
