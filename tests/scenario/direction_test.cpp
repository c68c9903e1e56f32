// Domain rules about one direction and about subdomains, with a whole server between a user and partners.
#include <gtest/gtest.h>

#include "tests/contract/store_fixture.hpp"
#include "tests/scenario/world.hpp"
#include "tests/scenario/xml_end.hpp"
#include "xml/writer.hpp"

namespace parley::test {
namespace {

class DirectionTest : public ::testing::Test {
protected:
    DirectionTest() {
        world.local_domains = {"example.com"};
        world.accounts = {jid("alice@example.com")};
        auto& rule = world.policy.rules["montague.example"];
        rule.domain = "montague.example";
        rule.transport = im::Transport::xmpp;
    }
    im::DomainRule& rule() { return world.policy.rules["montague.example"]; }
    std::string heard(auto& end, const std::string& ns) {
        end.collect();
        std::string out;
        for (const auto& element : end.heard()) out += xml::to_string(element, ns);
        end.heard().clear();
        return out;
    }
    World world{2};
    PeerServer montague{world.network, world.executor, "montague.example", "10.0.2.9"};
    PeerServer tower{world.network, world.executor, "tower.montague.example", "10.0.2.8"};
    Client alice{world.network, world.executor, "alice", "example.com", "desk", "10.0.2.1"};
};

const std::string hello = "<body>Hi</body></message>";

TEST_F(DirectionTest, OutboundOnlyLetsNothingIn) {
    rule().inbound = false;
    world.start();
    ASSERT_EQ(alice.log_in(), "");
    const std::string from = " from='romeo@montague.example/x' to='alice@example.com' ";
    ASSERT_EQ(montague.say("<message type='chat' id='1'" + from + ">" + hello, "example.com"), "");
    ASSERT_EQ(montague.say("<presence type='subscribe' id='2'" + from + "/>", "example.com"), "");
    ASSERT_EQ(montague.say("<iq type='get' id='3'" + from + "><ping xmlns='urn:xmpp:ping'/></iq>", "example.com"), "");
    EXPECT_EQ(heard(alice, "jabber:client"), "") << "the user hears of nothing";
    const auto answer = heard(montague, "jabber:server");
    EXPECT_NE(answer.find("<message"), std::string::npos) << answer;
    EXPECT_NE(answer.find("not-allowed"), std::string::npos) << answer;
    EXPECT_NE(answer.find("nothing from montague.example is let in here (reference "), std::string::npos) << answer;
    EXPECT_NE(answer.find("<iq"), std::string::npos) << answer;
    alice.say("<message type='chat' id='4' to='romeo@montague.example'>" + hello);
    EXPECT_NE(heard(montague, "jabber:server").find("Hi"), std::string::npos);
    ASSERT_EQ(montague.say("<presence type='subscribed'" + from + "/>", "example.com"), "");
    EXPECT_EQ(heard(alice, "jabber:client").find("not-allowed"), std::string::npos);
}

TEST_F(DirectionTest, InboundOnlyLetsNothingOut) {
    rule().outbound = false;
    world.start();
    ASSERT_EQ(alice.log_in(), "");
    alice.say("<message type='chat' id='1' to='romeo@montague.example'>" + hello);
    EXPECT_NE(heard(alice, "jabber:client").find("not-allowed"), std::string::npos);
    alice.say("<presence type='subscribe' id='2' to='romeo@montague.example'/>");
    EXPECT_NE(heard(alice, "jabber:client").find("not-allowed"), std::string::npos);
    EXPECT_EQ(heard(montague, "jabber:server"), "");
    ASSERT_EQ(montague.say("<presence type='subscribe' from='romeo@montague.example' to='alice@example.com'/>",
                           "example.com"),
              "");
    EXPECT_NE(heard(alice, "jabber:client").find("type='subscribe'"), std::string::npos);
    alice.say("<presence type='subscribed' to='romeo@montague.example'/>");
    const auto answer = heard(montague, "jabber:server");
    EXPECT_NE(answer.find("subscribed"), std::string::npos) << answer;
    EXPECT_NE(answer.find("alice@example.com/desk"), std::string::npos) << "and her presence";
}

TEST_F(DirectionTest, SubdomainsFollowTheRuleThatSaysSo) {
    world.start();
    ASSERT_EQ(alice.log_in(), "");
    alice.say("<message type='chat' id='1' to='ghost@tower.montague.example'>" + hello);
    EXPECT_NE(heard(alice, "jabber:client").find("not-allowed"), std::string::npos);
    world.stop(World::End::orderly);
    rule().subdomains = true;
    world.start();
    (void)heard(alice, "jabber:client");  // the end of the old stream
    ASSERT_EQ(alice.log_in(), "");
    alice.say("<message type='chat' id='2' to='ghost@tower.montague.example'>" + hello);
    EXPECT_NE(heard(tower, "jabber:server").find("Hi"), std::string::npos);
    EXPECT_EQ(heard(alice, "jabber:client"), "");
}

}  // namespace
}  // namespace parley::test
