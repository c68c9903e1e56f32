// What a peer may cost us (base/limits.hpp), where only the whole server shows it.
#include <gtest/gtest.h>

#include "tests/contract/store_fixture.hpp"
#include "tests/scenario/world.hpp"
#include "tests/scenario/xml_end.hpp"
#include "xmpp/ns.hpp"

namespace parley::test {
namespace {

using namespace std::chrono_literals;

class LimitsTest : public ::testing::Test {
protected:
    LimitsTest() {
        world.local_domains = {"example.com"};
        world.accounts = {jid("alice@example.com"), jid("bob@example.com")};
        world.limits.stanzas_burst = 1'000'000;
        world.limits.bytes_burst = 1'000'000'000;
        world.limits.outbound_soft = 64 * 1024;
        world.limits.outbound_hard = 256 * 1024;
    }
    void allow(const std::string& domain) {
        auto& rule = world.policy.rules[domain];
        rule.domain = domain;
        rule.transport = im::Transport::xmpp;
    }
    static std::string message(const std::string& to, int number, std::size_t size = 10) {
        return "<message type='chat' to='" + to + "' id='m" + std::to_string(number) + "'><body>" +
               std::string(size, 'x') + "</body></message>";
    }
    // The ids of the messages that have come since the last call.
    static std::vector<std::string> ids_of(std::deque<xml::Element>& heard, const std::string& type = "chat") {
        std::vector<std::string> ids;
        for (const auto& element : heard)
            if (element.name() == "message" && element.attribute("type") == type)
                ids.emplace_back(element.attribute("id"));
        heard.clear();
        return ids;
    }
    static std::vector<std::string> taken(Client& client) {
        client.collect();
        return ids_of(client.heard());
    }
    static std::vector<std::string> range(int first, int last) {
        std::vector<std::string> ids;
        for (int i = first; i <= last; ++i) ids.push_back("m" + std::to_string(i));
        return ids;
    }
    void start(bool managed) {
        world.start();
        alice = std::make_unique<Client>(world.network, world.executor, "alice", "example.com", "desk", "10.0.2.1");
        bob = std::make_unique<Client>(world.network, world.executor, "bob", "example.com", "laptop", "10.0.2.2");
        ASSERT_EQ(alice->log_in(), "");
        ASSERT_EQ(bob->log_in(), "");
        if (managed) {
            ASSERT_EQ(bob->enable_resumption(), "");
        }
    }

    const std::string question =
        "<iq type='get' id='d' to='example.com'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>";
    World world{2};
    std::unique_ptr<Client> alice, bob;
};

// outbound_soft. Senders with and without stream management.
TEST_F(LimitsTest, MessagesForASlowReaderWaitOnDiskInTheirOrder) {
    start(false);
    bob->stop_reading(true);
    for (int i = 0; i < 100; ++i) alice->say(message("bob@example.com", i, 4000));
    ASSERT_EQ(alice->enable_resumption(), "");
    for (int i = 100; i < 200; ++i) alice->say(message("bob@example.com", i, 4000));
    alice->say("<r xmlns='urn:xmpp:sm:3'/>");
    alice->collect();
    ASSERT_FALSE(alice->heard().empty());
    EXPECT_EQ(alice->heard().back().attribute("h"), "100") << "what is on disk is acknowledged";
    EXPECT_FALSE(bob->is_closed());
    bob->stop_reading(false);
    EXPECT_EQ(taken(*bob), range(0, 199));
    alice->say(message("bob@example.com", 200));
    EXPECT_EQ(taken(*bob), range(200, 200));
}

TEST_F(LimitsTest, WhatWaitsForASlowReaderIsBoundedByTheQuota) {
    world.limits.offline_messages = 50;
    start(false);
    ASSERT_EQ(alice->enable_resumption(), "");
    bob->stop_reading(true);
    for (int i = 0; i < 300; ++i) alice->say(message("bob@example.com", i, 4000));
    alice->collect();
    const auto refused = ids_of(alice->heard(), "error").size();
    EXPECT_GT(refused, 100u);
    bob->stop_reading(false);
    EXPECT_EQ(taken(*bob).size() + refused, 300u) << "each has arrived or come back";
}

TEST_F(LimitsTest, WhoDoesNotReadItsAnswersIsNotRead) {
    start(false);
    bob->stop_reading(true);
    for (int i = 0; i < 4000; ++i) bob->say(question);
    EXPECT_FALSE(bob->is_closed());
    EXPECT_GT(bob->unsent(), 0u);
    bob->stop_reading(false);
    bob->collect();
    EXPECT_EQ(bob->heard().size(), 4000u);
}

TEST_F(LimitsTest, WhoReadsNothingForMinutesIsCutOff) {
    start(false);
    bob->stop_reading(true);
    for (int i = 0; i < 2000; ++i) bob->say(question);
    world.executor.advance(59s);
    EXPECT_FALSE(bob->is_closed());
    world.executor.advance(2s);
    bob->stop_reading(false);
    EXPECT_TRUE(bob->is_closed());
}

// unacked_stanzas.
TEST_F(LimitsTest, WhatAClientDoesNotAcknowledgeIsBounded) {
    world.limits.unacked_stanzas = 50;
    start(true);
    bob->stop_acknowledging(true);
    for (int i = 0; i < 300; ++i) alice->say(message("bob@example.com", i));
    EXPECT_EQ(taken(*bob), range(0, 49));
    EXPECT_FALSE(bob->is_closed());
    bob->stop_acknowledging(false);
    EXPECT_EQ(taken(*bob), range(50, 299));
}

TEST_F(LimitsTest, WhatAnUnacknowledgingClientLeftIsThereForItsNextSession) {
    world.limits.unacked_stanzas = 50;
    start(true);
    ASSERT_EQ(alice->enable_resumption(), "");
    bob->stop_acknowledging(true);
    for (int i = 0; i < 120; ++i) alice->say(message("bob@example.com", i));
    EXPECT_EQ(taken(*bob), range(0, 49));
    bob->drop();
    Client phone(world.network, world.executor, "bob", "example.com", "phone", "10.0.2.3");
    world.executor.advance(11min);
    ASSERT_EQ(phone.log_in(), "");
    EXPECT_EQ(taken(phone), range(0, 119));
}

TEST_F(LimitsTest, PresenceThatNobodyAcknowledgesEndsTheSession) {
    world.limits.unacked_stanzas = 50;
    start(true);
    bob->stop_acknowledging(true);
    for (int i = 0; i < 200; ++i) alice->say("<presence to='bob@example.com/laptop'/>");
    EXPECT_TRUE(bob->is_closed());
}

// --- partners

TEST_F(LimitsTest, APartnerThatDoesNotReadIsSentNoMore) {
    allow("montague.example");
    world.limits.s2s_queue_stanzas = 20;
    PeerServer montague(world.network, world.executor, "montague.example", "10.0.2.9");
    start(false);
    alice->say(message("romeo@montague.example", 0));
    montague.stop_reading(true);
    for (int i = 1; i < 200; ++i) alice->say(message("romeo@montague.example", i, 4000));
    alice->collect();
    const auto refused = ids_of(alice->heard(), "error");
    ASSERT_GT(refused.size(), 50u);
    EXPECT_LT(refused.size(), 150u);
    montague.stop_reading(false);
    montague.collect();
    const auto first_refused = std::stoi(refused.front().substr(1));
    EXPECT_EQ(ids_of(montague.heard()), range(0, first_refused - 1));
    EXPECT_EQ(refused, range(first_refused, 199));
}

// One that has much to say and reads slowly is still listened to: else two such would both fall silent.
TEST_F(LimitsTest, APartnerThatDoesNotReadTheStreamThatItSharesIsHeard) {
    allow("montague.example");
    PeerServer montague(world.network, world.executor, "montague.example", "10.0.2.9");
    montague.share_streams();
    start(false);
    ASSERT_EQ(montague.say(message("bob@example.com' from='romeo@montague.example", 0), "example.com"), "");
    alice->say(message("romeo@montague.example", 0));
    montague.stop_reading(true);
    for (int i = 1; i < 100; ++i) alice->say(message("romeo@montague.example", i, 4000));
    for (int i = 1; i < 10; ++i)
        ASSERT_EQ(montague.say(message("bob@example.com' from='romeo@montague.example", i), "example.com"), "");
    EXPECT_EQ(taken(*bob), range(0, 9));
    montague.stop_reading(false);
    montague.collect();
    EXPECT_EQ(ids_of(montague.heard()), range(0, 99));
    EXPECT_EQ(montague.opened(), 0u);
}

// s2s_connect.
TEST_F(LimitsTest, APartnerThatIsAwayForAMomentGetsWhatWaited) {
    allow("montague.example");
    world.network.dns().srv["_xmpp-server._tcp.montague.example"] = {{0, 0, 5269, "xmpp.montague.example"}};
    world.network.dns().host["xmpp.montague.example"] = {"10.0.2.9"};
    start(false);
    alice->say(message("romeo@montague.example", 1));
    world.executor.advance(5s);
    alice->say(message("romeo@montague.example", 2));
    PeerServer montague(world.network, world.executor, "montague.example", "10.0.2.9");
    world.executor.advance(9s);
    montague.collect();
    EXPECT_EQ(ids_of(montague.heard()), range(1, 2));
    alice->collect();
    EXPECT_TRUE(ids_of(alice->heard(), "error").empty());
}

TEST_F(LimitsTest, APartnerThatStaysAwayIsAnErrorInTime) {
    allow("montague.example");
    world.network.dns().srv["_xmpp-server._tcp.montague.example"] = {{0, 0, 5269, "xmpp.montague.example"}};
    world.network.dns().host["xmpp.montague.example"] = {"10.0.2.9"};
    start(false);
    alice->say(message("romeo@montague.example", 1));
    world.executor.advance(28s);
    alice->collect();
    EXPECT_TRUE(ids_of(alice->heard(), "error").empty());
    world.executor.advance(4s);
    alice->collect();
    EXPECT_EQ(ids_of(alice->heard(), "error"), range(1, 1));
}

// The first time at once, then with pauses; once it has taken the message, all is as before.
TEST_F(LimitsTest, APartnerThatEndsEachStreamIsNotDialledWithoutPause) {
    allow("montague.example");
    PeerServer montague(world.network, world.executor, "montague.example", "10.0.2.9");
    start(false);
    alice->say(message("romeo@montague.example", 1));
    int streams = 0;
    for (int i = 0; i < 1000; ++i) {
        world.executor.advance(10ms);
        montague.collect();
        if (montague.heard().empty()) continue;
        ++streams;
        montague.heard().clear();
        montague.drop();
    }
    EXPECT_GE(streams, 4);
    EXPECT_LE(streams, 8);
    world.executor.advance(10s);
    montague.collect();
    EXPECT_EQ(ids_of(montague.heard()), range(1, 1));
    alice->say(message("romeo@montague.example", 2));
    world.executor.advance(1s);
    montague.collect();
    EXPECT_EQ(ids_of(montague.heard()), range(2, 2));
    alice->collect();
    EXPECT_TRUE(ids_of(alice->heard(), "error").empty());
}

// What is proven by no stream comes back in the end.
TEST_F(LimitsTest, APartnerThatNeverProvesAnythingIsAnErrorAfterTenMinutes) {
    allow("montague.example");
    PeerServer montague(world.network, world.executor, "montague.example", "10.0.2.9");
    start(false);
    alice->say(message("romeo@montague.example", 1));
    const auto run = [&](int seconds) {
        for (int i = 0; i < seconds * 100; ++i) {
            world.executor.advance(10ms);
            montague.collect();
            if (montague.heard().empty()) continue;
            montague.heard().clear();
            montague.drop();
        }
        alice->collect();
    };
    run(580);
    EXPECT_TRUE(ids_of(alice->heard(), "error").empty());
    run(40);
    EXPECT_EQ(ids_of(alice->heard(), "error"), range(1, 1));
}

// s2s_stanzas_per_second.
TEST_F(LimitsTest, APartnerIsReadAtItsRate) {
    allow("montague.example");
    world.limits.s2s_stanzas_per_second = 10;
    PeerServer montague(world.network, world.executor, "montague.example", "10.0.2.9");
    start(false);
    std::string all;
    for (int i = 0; i < 100; ++i) all += message("bob@example.com' from='romeo@montague.example", i);
    ASSERT_EQ(montague.say(all, "example.com"), "");
    auto got = taken(*bob).size();
    EXPECT_GE(got, 20u) << "a burst";
    EXPECT_LE(got, 22u);
    world.executor.advance(2s);
    got += taken(*bob).size();
    EXPECT_GE(got, 39u);
    EXPECT_LE(got, 43u);
    world.executor.advance(7s);
    got += taken(*bob).size();
    EXPECT_EQ(got, 100u);
    EXPECT_FALSE(montague.is_closed());
}

// s2s_domains_connecting.
TEST_F(LimitsTest, OnlySoManyDomainsAreLookedForAtATime) {
    world.limits.s2s_domains_connecting = 2;
    for (int i = 0; i < 5; ++i) {
        const auto domain = "d" + std::to_string(i) + ".example";
        allow(domain);
        world.network.dns().silent["_xmpp-server._tcp." + domain] = true;
        world.network.dns().silent["_xmpps-server._tcp." + domain] = true;
    }
    start(false);
    const auto asked = [&] {
        std::set<std::string> domains;
        for (const auto& name : world.network.dns().asked)
            if (const auto at = name.find("_tcp."); at != std::string::npos) domains.insert(name.substr(at + 5));
        return domains.size();
    };
    for (int i = 0; i < 5; ++i) alice->say(message("x@d" + std::to_string(i) + ".example", i));
    EXPECT_EQ(asked(), 2u);
    world.executor.advance(3s);
    EXPECT_EQ(asked(), 4u);
    world.executor.advance(3s);
    EXPECT_EQ(asked(), 5u);
    world.executor.advance(30s);
    alice->collect();
    EXPECT_EQ(ids_of(alice->heard(), "error").size(), 5u);
}

}  // namespace
}  // namespace parley::test
