#include "gateway/gateway_fixture.hpp"

namespace parley::gateway {
namespace {

using namespace std::chrono_literals;
using test::World;

constexpr std::string_view sdp =
    "Contact: <sip:bob@10.0.0.2:5060;transport=tcp>\nContent-Type: application/sdp\n\n"
    "v=0\r\no=- 0 0 IN IP4 10.0.0.2\r\ns=session\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\nm=message 5060 sip null\r\n"
    "a=accept-types:text/plain\r\n";

std::string tag_of(const sip::Message& response) {
    return std::string(sip::parse_name_addr(response.header(sip::HeaderId::to))->tag());
}

TEST(SipGatewaySession, OursToTheirs) {
    World w{"ocs"};
    w.message("one");
    w.message("two");
    ASSERT_EQ(w.peer.count("INVITE"), 1u);
    EXPECT_EQ(w.peer.count("MESSAGE"), 0u);
    EXPECT_EQ(w.peer.last("INVITE")->header(sip::HeaderId::contact), "<sip:sip.example.com:5060;transport=tcp>");
    w.peer.answer("INVITE", 200, sdp);
    EXPECT_EQ(w.peer.count("ACK"), 1u);
    ASSERT_EQ(w.peer.count("MESSAGE"), 1u);  // one after the other
    EXPECT_EQ(w.peer.last("MESSAGE")->body(), "one");
    EXPECT_TRUE(w.outcomes.empty());
    w.peer.answer("MESSAGE", 200);
    EXPECT_EQ(w.outcomes, std::vector<std::string>{"accepted"});
    ASSERT_EQ(w.peer.count("MESSAGE"), 2u);
    EXPECT_EQ(w.peer.last("MESSAGE")->body(), "two");
    w.peer.answer("MESSAGE", 200);
    EXPECT_EQ(w.outcomes, (std::vector<std::string>{"accepted", "accepted"}));

    auto typing = w.stanza(xmpp::Stanza::Kind::message, "chat");
    typing.add(xml::Element("http://jabber.org/protocol/chatstates", "composing"));
    w.deliver(std::move(typing));
    ASSERT_EQ(w.peer.count("INFO"), 1u);
    EXPECT_NE(w.peer.last("INFO")->body().find("KeyboardActivity"), std::string::npos);
    w.peer.answer("INFO", 200);

    w.executor.advance(601s);  // idle
    EXPECT_EQ(w.peer.count("BYE"), 1u);
    EXPECT_TRUE(w.rows.empty());
}

TEST(SipGatewaySession, RefusedAndForgotten) {
    {
        World w{"ocs"};
        w.message("one");
        w.peer.answer("INVITE", 486);
        EXPECT_EQ(w.outcomes, std::vector<std::string>{"recipient-unavailable"});
    }
    World w{"ocs"};
    w.message("one");
    w.peer.answer("INVITE", 200, sdp);
    w.peer.answer("MESSAGE", 200);
    w.message("two");
    w.peer.answer("MESSAGE", 481);  // it has forgotten the session
    ASSERT_EQ(w.peer.count("INVITE"), 2u);
    EXPECT_EQ(w.outcomes.size(), 1u);
    w.peer.answer("INVITE", 200, sdp);
    ASSERT_EQ(w.peer.count("MESSAGE"), 3u);
    EXPECT_EQ(w.peer.last("MESSAGE")->body(), "two");  // the same text, once
    w.peer.answer("MESSAGE", 481);
    EXPECT_EQ(w.peer.count("INVITE"), 2u);  // and not for ever
    EXPECT_EQ(w.outcomes, (std::vector<std::string>{"accepted", "recipient-unavailable"}));
}

TEST(SipGatewaySession, AByeThatCrossesOurMessage) {
    World w{"ocs"};
    w.message("one");
    w.peer.answer("INVITE", 200, sdp);
    const auto message = *w.peer.last("MESSAGE");
    const auto tag = std::string(sip::parse_name_addr(message.header(sip::HeaderId::from))->tag());
    auto bye = w.request("BYE", "1", tag, {}, "bob@sip.example.net", message.header(sip::HeaderId::call_id));
    bye.replace(bye.find("tag=b1"), 6, "tag=theirs");
    w.peer.say(bye);
    w.message("two");
    EXPECT_EQ(w.peer.count("INVITE"), 1u);  // what became of the first one is not known yet
    w.peer.answer("MESSAGE", 481);
    ASSERT_EQ(w.peer.count("INVITE"), 2u);
    w.peer.answer("INVITE", 200, sdp);
    ASSERT_EQ(w.peer.count("MESSAGE"), 2u);
    EXPECT_EQ(w.peer.last("MESSAGE")->body(), "one");
    w.peer.answer("MESSAGE", 200);
    EXPECT_EQ(w.peer.last("MESSAGE")->body(), "two");
    w.peer.answer("MESSAGE", 200);
    EXPECT_EQ(w.outcomes, (std::vector<std::string>{"accepted", "accepted"}));
}

TEST(SipGatewaySession, AByeAndThenNoConnection) {
    World w{"ocs"};
    w.message("one");
    w.peer.answer("INVITE", 200, sdp);
    const auto message = *w.peer.last("MESSAGE");
    const auto tag = std::string(sip::parse_name_addr(message.header(sip::HeaderId::from))->tag());
    auto bye = w.request("BYE", "1", tag, {}, "bob@sip.example.net", message.header(sip::HeaderId::call_id));
    bye.replace(bye.find("tag=b1"), 6, "tag=theirs");
    w.peer.say(bye);
    w.peer.connection.reset();
    w.executor.advance(5s);
    ASSERT_EQ(w.peer.count("INVITE"), 2u);
    w.peer.answer("INVITE", 200, sdp);
    EXPECT_EQ(w.peer.last("MESSAGE")->body(), "one");
    EXPECT_EQ(w.peer.count("MESSAGE"), 2u);
    EXPECT_TRUE(w.outcomes.empty());
}

TEST(SipGatewaySession, ForUsersWhoDoNotTakeMessages) {
    struct Case {
        Result<im::Reception> reception;
        int status;
    };
    for (const auto& c : {
             Case{im::Reception::nobody, 404},
             Case{im::Reception::full, 480},
             Case{Error{Errc::storage, "no disk"}, 500},
         }) {
        SCOPED_TRACE(c.status);
        World w{"ocs"};
        w.router.receptions.emplace(test::jid("alice@example.com"), c.reception);
        w.peer.connect(5060);
        w.peer.say(w.request("INVITE", "1", {}, "Content-Type: application/sdp\n\nv=0\r\nm=message 5060 sip null\r\n"));
        EXPECT_EQ(w.peer.last_status(), c.status);
        EXPECT_TRUE(w.rows.empty());
        EXPECT_TRUE(w.router.got.empty());
    }
}

TEST(SipGatewaySession, AnInviteThatThePartnerCannotServeNow) {
    World w{"ocs"};
    w.message("one");
    w.message("two");
    w.peer.answer("INVITE", 503, "Retry-After: 2\n");
    EXPECT_EQ(w.peer.count("ACK"), 1u);
    EXPECT_TRUE(w.outcomes.empty());
    w.executor.advance(2s);
    ASSERT_EQ(w.peer.count("INVITE"), 2u);
    w.peer.answer("INVITE", 480);
    EXPECT_EQ(w.outcomes, (std::vector<std::string>{"recipient-unavailable", "recipient-unavailable"}));
    w.executor.advance(60s);
    EXPECT_EQ(w.peer.count("INVITE"), 2u);
}

TEST(SipGatewaySession, ACalleeWhoTakesLong) {
    World w{"ocs"};
    w.message("one");
    for (const int status : {100, 101, 180, 183, 183}) {
        w.peer.answer("INVITE", status);
        w.executor.advance(30s);
    }
    EXPECT_TRUE(w.outcomes.empty());
    w.peer.answer("INVITE", 200, sdp);
    ASSERT_EQ(w.peer.count("MESSAGE"), 1u);
    w.peer.answer("MESSAGE", 200);
    EXPECT_EQ(w.outcomes, std::vector<std::string>{"accepted"});
}

TEST(SipGatewaySession, BothCallAtOnce) {
    World w{"ocs"};
    w.message("ours");
    w.peer.answer("INVITE", 180);
    w.peer.say(w.request("INVITE", "1", {}, "Content-Type: application/sdp\n\nv=0\r\nm=message 5060 sip null\r\n"));
    ASSERT_EQ(w.peer.last_status(), 200);
    w.peer.say(w.request("ACK", "1", tag_of(*w.peer.response())));
    ASSERT_EQ(w.peer.count("MESSAGE"), 1u);  // in the one that stands
    EXPECT_EQ(w.peer.last("MESSAGE")->header(sip::HeaderId::call_id), "c1");
    w.peer.answer("INVITE", 200, sdp);
    EXPECT_EQ(w.peer.count("MESSAGE"), 1u);
    w.peer.answer("MESSAGE", 200);
    EXPECT_EQ(w.outcomes, std::vector<std::string>{"accepted"});
}

TEST(SipGatewaySession, ANewInviteReplacesTheOldAndTheTextGoesAgain) {
    World w{"ocs"};
    w.message("one");
    w.peer.answer("INVITE", 200, sdp);
    ASSERT_EQ(w.peer.count("MESSAGE"), 1u);  // never answered
    w.peer.say(w.request("INVITE", "1", {}, "Content-Type: application/sdp\n\nv=0\r\nm=message 5060 sip null\r\n"));
    ASSERT_EQ(w.peer.last_status(), 200);
    w.peer.say(w.request("ACK", "1", tag_of(*w.peer.response())));
    EXPECT_EQ(w.peer.count("BYE"), 1u);
    w.executor.advance(4s);
    ASSERT_EQ(w.peer.count("MESSAGE"), 2u);
    EXPECT_EQ(w.peer.last("MESSAGE")->header(sip::HeaderId::call_id), "c1");
    w.peer.answer("MESSAGE", 200);
    EXPECT_EQ(w.outcomes, std::vector<std::string>{"accepted"});
}

TEST(SipGatewaySession, AMessageThatNobodyAnswers) {
    World w{"ocs"};
    w.message("one");
    w.message("two");
    w.peer.answer("INVITE", 200, sdp);
    w.executor.advance(32s);
    EXPECT_EQ(w.outcomes, std::vector<std::string>{"remote-server-timeout"});  // it may have been shown
    EXPECT_EQ(w.peer.count("BYE"), 1u);
    w.peer.answer("INVITE", 200, sdp);
    EXPECT_EQ(w.peer.last("MESSAGE")->body(), "two");
}

TEST(SipGatewaySession, LeavingWaitsForWhatIsUnderWay) {
    World w{"ocs"};
    w.message("one");
    auto gone = w.stanza(xmpp::Stanza::Kind::message, "chat");
    gone.add(xml::Element("http://jabber.org/protocol/chatstates", "gone"));
    w.deliver(std::move(gone));
    w.peer.answer("INVITE", 200, sdp);
    EXPECT_EQ(w.peer.count("BYE"), 0u);
    w.peer.answer("MESSAGE", 200);
    EXPECT_EQ(w.peer.count("BYE"), 1u);
    EXPECT_EQ(w.outcomes, (std::vector<std::string>{"accepted", "accepted"}));
}

TEST(SipGatewaySession, WhatCannotBeIsToldOnce) {
    World w{"ocs"};
    auto speaking = std::make_shared<SipSettings>(*w.settings);
    speaking->sentences = [](std::string_view id, const std::string& about) {
        return std::vector<SipSettings::Sentence>{{"en", std::string(id) + " " + about}, {"ja", "x"}};
    };
    w.settings = speaking;
    w.peer.connect(5060);
    constexpr std::string_view group = "Content-Type: application/ms-conf-invite+xml\n\n<Conferencing/>";
    w.peer.say(w.request("INVITE", "1", {}, group));
    EXPECT_EQ(w.peer.last_status(), 488);
    ASSERT_EQ(w.router.got.size(), 1u);
    const auto& notice = w.router.got.front();
    EXPECT_EQ(notice.envelope.stanza->from, test::jid("example.com"));
    EXPECT_EQ(notice.envelope.to, test::jid("alice@example.com"));
    EXPECT_NE(notice.text.find("<body>notice.group-chat bob@sip.example.net</body><body xml:lang='ja'>x</body>"),
              std::string::npos)
        << notice.text;
    w.peer.say(w.request("INVITE", "1", {}, group, "bob@sip.example.net", "c2"));
    EXPECT_EQ(w.router.got.size(), 1u);
    w.peer.say(w.request("INVITE", "1", {}, "Content-Type: application/sdp\n\nv=0\r\nm=audio 5060 RTP/AVP 0\r\n",
                         "bob@sip.example.net", "c3"));
    EXPECT_TRUE(w.router.find("notice.call"));
    w.peer.say(w.request("MESSAGE", "1", {}, "Content-Type: text/x-msmsgsinvite\n\nInvitation-Command: INVITE",
                         "bob@sip.example.net", "c4"));
    EXPECT_EQ(w.peer.last_status(), 415);
    EXPECT_TRUE(w.router.find("notice.file"));
    w.executor.advance(600s);
    w.peer.say(w.request("INVITE", "1", {}, group, "bob@sip.example.net", "c5"));
    EXPECT_EQ(w.router.got.size(), 4u);
}

TEST(SipGatewaySession, TheirsToOurs) {
    World w{"ocs"};
    w.router.settle_at_once = false;
    w.peer.connect(5060);
    w.peer.say(w.request("INVITE", "1", {}, "Content-Type: application/sdp\n\nv=0\r\nm=message 5060 sip null\r\n"));
    ASSERT_EQ(w.peer.last_status(), 200);
    const auto tag = tag_of(*w.peer.response());
    w.peer.say(w.request("ACK", "1", tag));
    EXPECT_TRUE(w.router.got.empty());
    w.peer.say(w.request("MESSAGE", "2", tag, "Content-Type: text/plain; charset=UTF-8\n\nHi"));
    ASSERT_EQ(w.router.got.size(), 1u);
    EXPECT_EQ(w.router.got.front().envelope.stanza->type, "chat");
    EXPECT_EQ(w.router.got.front().envelope.stanza->text_of("body"), "Hi");
    EXPECT_EQ(w.peer.response()->header(sip::HeaderId::cseq), "1 INVITE");
    (*w.router.got.front().settled)(im::accepted);
    w.executor.run_until_idle();
    EXPECT_EQ(w.peer.response()->header(sip::HeaderId::cseq), "2 MESSAGE");
    EXPECT_EQ(w.peer.last_status(), 200);
    w.peer.say(w.request("INFO", "3", tag,
                         "Content-Type: application/xml\n\n"
                         "<KeyboardActivity><status status=\"type\"/></KeyboardActivity>"));
    EXPECT_TRUE(w.router.find("<composing"));

    w.message("and back");  // in their session
    EXPECT_EQ(w.peer.count("INVITE"), 0u);
    ASSERT_EQ(w.peer.count("MESSAGE"), 1u);
    w.peer.answer("MESSAGE", 200);
    EXPECT_EQ(w.outcomes, std::vector<std::string>{"accepted"});

    w.restart();  // the session goes on
    w.message("still here");
    ASSERT_EQ(w.peer.count("MESSAGE"), 2u);
    EXPECT_EQ(w.peer.last("MESSAGE")->header(sip::HeaderId::call_id), "c1");
    w.peer.answer("MESSAGE", 200);
    w.peer.say(w.request("BYE", "4", tag));
    EXPECT_EQ(w.peer.last_status(), 200);
    EXPECT_TRUE(w.router.find("<gone"));
    EXPECT_TRUE(w.rows.empty());
}

}  // namespace
}  // namespace parley::gateway
