// A store that fails for a while: nobody is told that a user does not exist, and nothing is lost.
#include <gtest/gtest.h>

#include "tests/contract/store_fixture.hpp"
#include "tests/scenario/world.hpp"
#include "tests/scenario/xml_end.hpp"
#include "xmpp/ns.hpp"

namespace parley::test {
namespace {

using namespace std::chrono_literals;

class StoreFaultsTest : public ::testing::Test {
protected:
    StoreFaultsTest() {
        world.local_domains = {"example.com"};
        world.accounts = {jid("alice@example.com"), jid("bob@example.com")};
        world.start();
        EXPECT_EQ(alice.log_in(), "");
    }
    // Says it, and gives the type and condition of the error that comes back: "wait internal-server-error"; "" for
    // none.
    std::string error_for(const std::string& stanza) {
        alice.collect();
        alice.heard().clear();
        alice.say(stanza);
        alice.collect();
        for (const auto& element : alice.heard())
            if (const auto* error = element.child(xmpp::ns::client, "error"); error && error->first_child())
                return std::string(error->attribute("type")) + ' ' + error->first_child()->name();
        return "";
    }
    std::string to(const std::string& user) {
        return "<message type='chat' id='m" + std::to_string(++number) + "' to='" + user +
               "@example.com'><body>Hi</body></message>";
    }
    std::size_t messages_of(Client& client) {
        client.collect();
        const auto count = std::count_if(client.heard().begin(), client.heard().end(), [](const xml::Element& element) {
            return element.name() == "message" && element.attribute("type") == "chat";
        });
        client.heard().clear();
        return static_cast<std::size_t>(count);
    }

    int number = 0;
    World world{2};
    Client alice{world.network, world.executor, "alice", "example.com", "desk", "10.0.2.1"};
    Client bob{world.network, world.executor, "bob", "example.com", "laptop", "10.0.2.2"};
};

TEST_F(StoreFaultsTest, AUserWhoCannotBeLookedForIsNotAbsent) {
    const std::string trouble = "wait internal-server-error";
    const std::string question = "<iq type='get' id='v' to='bob@example.com'><vCard xmlns='vcard-temp'/></iq>";
    for (auto* fault : {&world.faults.accounts, &world.faults.rosters}) {
        *fault = true;
        EXPECT_EQ(error_for(to("bob")), trouble);
        EXPECT_EQ(error_for(question), trouble);
        *fault = false;
    }
    EXPECT_EQ(error_for(to("nobody")), "cancel service-unavailable");
    world.faults.rosters = true;
    EXPECT_EQ(error_for(to("nobody")), "cancel service-unavailable") << "the account is known not to be there";
    world.faults.rosters = false;
    EXPECT_EQ(error_for(to("bob")), "");
    ASSERT_EQ(bob.log_in(), "");
    EXPECT_EQ(messages_of(bob), 1u);
}

TEST_F(StoreFaultsTest, WhatARoomCannotKeepNobodyHears) {
    const std::string trouble = "wait internal-server-error", room = "tea@conference.example.com";
    const auto enter = [&](const std::string& nick) {
        return "<presence to='" + room + '/' + nick + "'><x xmlns='http://jabber.org/protocol/muc'/></presence>";
    };
    const auto say = [&](const std::string& text) {
        return "<message type='groupchat' id='" + text + "' to='" + room + "'><body>" + text + "</body></message>";
    };
    const auto heard_by_bob = [&](const std::string& text) {
        bob.collect();
        return std::any_of(bob.heard().begin(), bob.heard().end(), [&](const xml::Element& element) {
            const auto* body = element.child(xmpp::ns::client, "body");
            return body && body->text() == text;
        });
    };
    world.faults.room_writes = true;
    EXPECT_EQ(error_for(enter("Alice")), trouble) << "a room that is not on disk is none";
    world.faults.room_writes = false;
    EXPECT_EQ(error_for(enter("Alice")), "");
    ASSERT_EQ(bob.log_in(), "");
    bob.say(enter("Bob"));
    bob.collect();
    world.faults.room_writes = true;
    EXPECT_EQ(error_for(say("lost")), trouble);
    world.faults.room_writes = false;
    EXPECT_EQ(error_for(say("kept")), "");
    EXPECT_TRUE(heard_by_bob("kept"));
    EXPECT_FALSE(heard_by_bob("lost"));
}

TEST_F(StoreFaultsTest, WithoutKnowingTheQuotaNothingIsStored) {
    world.faults.spool_reads = true;
    EXPECT_EQ(error_for(to("bob")), "wait internal-server-error");
    world.faults.spool_reads = false;
    EXPECT_EQ(error_for(to("bob")), "");
}

TEST_F(StoreFaultsTest, WhatCannotBeWrittenComesBackAndABusyStoreSaysSo) {
    world.faults.spool_writes = true;
    EXPECT_EQ(error_for(to("bob")), "wait internal-server-error");
    world.faults.error.detail = "busy: too much waits for the disk";
    EXPECT_EQ(error_for(to("bob")), "wait resource-constraint");
}

TEST_F(StoreFaultsTest, ALogInMayBeTriedAgain) {
    world.faults.rosters = true;
    ASSERT_EQ(bob.authenticate(), "");
    bob.say("<iq type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
    bob.collect();
    ASSERT_FALSE(bob.heard().empty());
    EXPECT_EQ(bob.heard().back().attribute("type"), "error");
    EXPECT_FALSE(bob.is_closed());
    world.faults.rosters = false;
    bob.say("<iq type='set' id='b2'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
    bob.collect();
    EXPECT_EQ(bob.heard().back().attribute("type"), "result");
}

TEST_F(StoreFaultsTest, WhatWaitsIsReadAgain) {
    EXPECT_EQ(error_for(to("bob")), "");
    world.faults.spool_reads = true;
    ASSERT_EQ(bob.log_in(), "");
    EXPECT_EQ(messages_of(bob), 0u);
    world.executor.advance(20s);
    world.faults.spool_reads = false;
    world.executor.advance(5s);
    EXPECT_EQ(messages_of(bob), 1u);
}

}  // namespace
}  // namespace parley::test
