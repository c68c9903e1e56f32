#include "gateway/gateway_fixture.hpp"
#include "sip/body/typing.hpp"

namespace parley::gateway {
namespace {

using namespace std::chrono_literals;
using test::World;

TEST(SipGatewayPager, OursToTheirs) {
    World w;
    w.message("Hi Bob");
    ASSERT_EQ(w.peer.count("MESSAGE"), 1u);
    const auto& sent = *w.peer.last("MESSAGE");
    EXPECT_EQ(sent.request_uri(), "sip:bob@sip.example.net");
    EXPECT_EQ(sent.body(), "Hi Bob");
    EXPECT_EQ(sent.header(sip::HeaderId::content_type), "text/plain;charset=UTF-8");
    EXPECT_TRUE(sent.header(sip::HeaderId::via).starts_with("SIP/2.0/TCP sip.example.com:5060;branch=z9hG4bK"))
        << sent.header(sip::HeaderId::via);
    EXPECT_TRUE(sent.header(sip::HeaderId::from).starts_with("<sip:alice@example.com>;tag="));
    EXPECT_FALSE(sent.has(sip::HeaderId::contact));  // RFC 3428 4
    EXPECT_TRUE(w.outcomes.empty());                 // only the partner's 2xx settles it

    w.message("second");
    EXPECT_EQ(w.peer.count("MESSAGE"), 1u);  // RFC 3428 8: one at a time
    w.peer.answer("MESSAGE", 202);
    EXPECT_EQ(w.outcomes, std::vector<std::string>{"accepted"});
    ASSERT_EQ(w.peer.count("MESSAGE"), 2u);
    EXPECT_EQ(w.peer.last("MESSAGE")->body(), "second");
    w.peer.answer("MESSAGE", 480);
    EXPECT_EQ(w.outcomes, (std::vector<std::string>{"accepted", "recipient-unavailable"}));
    EXPECT_EQ(w.peer.accepted, 1);  // one connection for all
}

TEST(SipGatewayPager, SubjectAndLanguageBothWays) {
    World w;
    auto text = w.stanza(xmpp::Stanza::Kind::message, "");
    text.add(xml::Element("jabber:client", "subject")).add_text("Lunch");
    text.add(xml::Element("jabber:client", "body")).add_text("At noon?");
    w.deliver(std::move(text));
    ASSERT_TRUE(w.peer.last("MESSAGE"));
    EXPECT_EQ(w.peer.last("MESSAGE")->header(sip::HeaderId::subject), "Lunch");
    w.peer.say(
        w.request("MESSAGE", "1", {}, "Subject: Re: Lunch\nContent-Language: de\nContent-Type: text/plain\n\nJa"));
    ASSERT_EQ(w.router.got.size(), 1u);
    EXPECT_EQ(w.router.got.front().envelope.stanza->text_of("subject"), "Re: Lunch");
    EXPECT_NE(w.router.got.front().text.find("xml:lang='de'"), std::string::npos) << w.router.got.front().text;
}

TEST(SipGatewayPager, NobodyAnswers) {
    World w;
    w.message("Hi");
    w.executor.advance(33s);
    EXPECT_EQ(w.outcomes, std::vector<std::string>{"remote-server-timeout"});
}

TEST(SipGatewayPager, NobodyThere) {
    World w;
    w.peer.listener.reset();
    w.message("Hi");
    w.executor.advance(15s);
    EXPECT_EQ(w.outcomes, std::vector<std::string>{"remote-server-not-found"});
}

TEST(SipGatewayPager, TheirsToOurs) {
    World w;
    w.router.settle_at_once = false;
    w.peer.connect(5060);
    w.peer.say(w.request("MESSAGE", "1", {}, "Content-Type: text/plain\n\nHello <Alice>"));
    ASSERT_EQ(w.router.got.size(), 1u);
    const auto& got = w.router.got.front();
    EXPECT_TRUE(got.envelope.durable);
    EXPECT_EQ(got.envelope.origin, "sip bob@sip.example.net b1 c1 1 MESSAGE");
    EXPECT_EQ(got.envelope.stanza->from, test::jid("bob@sip.example.net"));
    EXPECT_EQ(got.envelope.to, test::jid("alice@example.com"));
    EXPECT_EQ(got.envelope.stanza->text_of("body"), "Hello <Alice>");
    EXPECT_TRUE(w.peer.heard.empty());  // no 200 before it is on disk
    w.peer.say(w.request("MESSAGE", "1", {}, "Content-Type: text/plain\n\nHello <Alice>"));
    EXPECT_EQ(w.router.got.size(), 1u);  // the same request again
    (*got.settled)(im::accepted);
    w.executor.run_until_idle();
    EXPECT_EQ(w.peer.last_status(), 200);
}

TEST(SipGatewayPager, RefusedByOurServer) {
    struct Case {
        std::string profile, condition;
        int status;
    };
    for (const auto& c : {
             Case{"simple", "item-not-found", 604},
             Case{"ocs", "item-not-found", 404},          // no 6xx for such a partner
             Case{"simple", "service-unavailable", 480},  // the user's store is full
             Case{"simple", "internal-server-error", 500},
         }) {
        SCOPED_TRACE(c.condition);
        World w{c.profile};
        w.router.settle_at_once = false;
        w.peer.connect(5060);
        w.peer.say(w.request("MESSAGE", "1", {}, "Content-Type: text/plain\n\nHello"));
        ASSERT_EQ(w.router.got.size(), 1u);
        (*w.router.got.front().settled)(xmpp::stanza_error(c.condition));
        w.executor.run_until_idle();
        EXPECT_EQ(w.peer.last_status(), c.status);
    }
}

TEST(SipGatewayPager, NobodyLivesThere) {
    World w;
    w.router.settle_at_once = false;
    w.router.receptions.emplace(test::jid("alice@example.com"), im::Reception::nobody);
    w.peer.connect(5060);
    w.peer.say(w.request("MESSAGE", "1", {}, "Content-Type: text/plain\n\nHello"));
    ASSERT_EQ(w.router.got.size(), 1u);
    (*w.router.got.front().settled)(xmpp::stanza_error("service-unavailable"));
    w.executor.run_until_idle();
    EXPECT_EQ(w.peer.last_status(), 404);
}

TEST(SipGatewayPager, ARepetitionAfterARestartHasTheSameIds) {
    World w;
    w.message("Hi", "the name of it");
    ASSERT_TRUE(w.peer.last("MESSAGE"));
    const auto first = *w.peer.last("MESSAGE");
    w.restart();
    w.message("Hi", "the name of it");
    const auto& again = *w.peer.last("MESSAGE");
    for (const auto id : {sip::HeaderId::call_id, sip::HeaderId::from, sip::HeaderId::cseq})
        EXPECT_EQ(again.header(id), first.header(id));
    EXPECT_NE(again.header(sip::HeaderId::via), first.header(sip::HeaderId::via));
}

TEST(SipGatewayPager, TroubleOfThePartnerPasses) {
    World w;
    w.message("one");
    w.message("two");
    w.peer.answer("MESSAGE", 503, "Retry-After: 5\n");
    w.executor.advance(4s);
    EXPECT_EQ(w.peer.count("MESSAGE"), 1u);
    w.executor.advance(1s);
    ASSERT_EQ(w.peer.count("MESSAGE"), 2u);
    EXPECT_EQ(w.peer.last("MESSAGE")->body(), "one");  // and not the next one before it
    w.peer.answer("MESSAGE", 500);
    w.executor.advance(4s);
    w.peer.answer("MESSAGE", 200);
    EXPECT_EQ(w.outcomes, std::vector<std::string>{"accepted"});
    ASSERT_EQ(w.peer.last("MESSAGE")->body(), "two");
    w.peer.answer("MESSAGE", 503, "Retry-After: 3600\n");  // longer than anybody waits for an answer
    EXPECT_EQ(w.outcomes, (std::vector<std::string>{"accepted", "internal-server-error"}));
    w.message("three");
    for (int i = 0; i < 20 && w.outcomes.size() < 3; ++i) {
        w.peer.answer("MESSAGE", 503);
        w.executor.advance(16s);
    }
    EXPECT_EQ(w.outcomes.size(), 3u);  // it ends
}

TEST(SipGatewayPager, ALostConnectionIsNotALostMessage) {
    World w;
    w.message("Hi", "n");
    const auto first = *w.peer.last("MESSAGE");
    w.peer.connection.reset();
    w.executor.run_until_idle();
    EXPECT_TRUE(w.outcomes.empty());
    w.executor.advance(2s);
    ASSERT_EQ(w.peer.count("MESSAGE"), 2u);
    EXPECT_EQ(w.peer.last("MESSAGE")->header(sip::HeaderId::call_id), first.header(sip::HeaderId::call_id));
    w.peer.answer("MESSAGE", 200);
    EXPECT_EQ(w.outcomes, std::vector<std::string>{"accepted"});
}

TEST(SipGatewayPager, TypingBothWays) {
    World w;
    w.peer.connect(5060);
    const auto composing = [&](std::string_view name) {
        auto state = w.stanza(xmpp::Stanza::Kind::message, "chat");
        state.add(xml::Element("http://jabber.org/protocol/chatstates", name));
        w.deliver(std::move(state));
    };
    composing("composing");
    EXPECT_EQ(w.peer.count("MESSAGE"), 0u);  // the peer has not shown that it knows this
    const auto active = sip::encode_is_composing(sip::Typing::active, 90s);
    w.peer.say(w.request("MESSAGE", "1", {}, "Content-Type: application/im-iscomposing+xml\n\n" + active));
    EXPECT_EQ(w.peer.last_status(), 200);
    EXPECT_TRUE(w.router.find("<composing"));
    w.executor.advance(90s);  // it says nothing more
    EXPECT_TRUE(w.router.find("<active"));
    composing("composing");
    ASSERT_EQ(w.peer.count("MESSAGE"), 1u);
    EXPECT_EQ(sip::decode_is_composing(w.peer.last("MESSAGE")->body())->state, sip::Typing::active);
    w.peer.answer("MESSAGE", 200);
    composing("gone");
    ASSERT_EQ(w.peer.count("MESSAGE"), 2u);
    EXPECT_EQ(sip::decode_is_composing(w.peer.last("MESSAGE")->body())->state, sip::Typing::idle);
    EXPECT_EQ(w.outcomes, (std::vector<std::string>{"accepted", "accepted", "accepted"}));
}

TEST(SipGatewayPager, ReceiptsFromTheAnswer) {
    struct Case {
        int status;
        bool receipt;
    };
    for (const auto& c : {Case{200, true}, Case{202, false}, Case{480, false}}) {
        World w;
        auto text = w.stanza(xmpp::Stanza::Kind::message, "chat");
        text.id = "m1";
        text.add(xml::Element("jabber:client", "body")).add_text("Hi");
        text.add(xml::Element("urn:xmpp:receipts", "request"));
        w.deliver(std::move(text));
        w.peer.answer("MESSAGE", c.status);
        const auto* receipt = w.router.find("<received");
        ASSERT_EQ(receipt != nullptr, c.receipt) << c.status;
        if (!receipt) continue;
        EXPECT_EQ(receipt->envelope.to, test::jid("alice@example.com/a"));
        EXPECT_EQ(receipt->envelope.stanza->from, test::jid("bob@sip.example.net"));
        EXPECT_NE(receipt->text.find("id='m1'"), std::string::npos) << receipt->text;
    }
}

TEST(SipGatewayPager, WhatIsNotForUs) {
    struct Case {
        std::string why, from, to;
        std::string type;
        int status;
    };
    for (const auto& c : {
             Case{"a domain that nobody allowed", "bob@evil.example", "alice@example.com", "text/plain", 403},
             Case{"a subdomain of an allowed one", "bob@a.sip.example.net", "alice@example.com", "text/plain", 403},
             Case{"one of our own domains", "bob@example.com", "alice@example.com", "text/plain", 403},
             Case{"relaying", "bob@sip.example.net", "alice@other.example", "text/plain", 404},
             Case{"a picture", "bob@sip.example.net", "alice@example.com", "image/png", 415},
         }) {
        SCOPED_TRACE(c.why);
        World w;
        w.peer.connect(5060);
        auto request = w.request("MESSAGE", "1", {}, "Content-Type: " + c.type + "\n\nHello", c.from);
        for (auto at = request.find("alice@example.com"); at != std::string::npos;
             at = request.find("alice@example.com", at + c.to.size()))
            request.replace(at, 17, c.to);
        w.peer.say(request);
        EXPECT_EQ(w.peer.last_status(), c.status);
        EXPECT_TRUE(w.router.got.empty());
    }
}

TEST(SipGatewayPager, AnotherHostMayNotSpeakForThePartner) {
    World w;
    test::MemoryNetwork stranger_host{w.network, "10.0.0.66"};
    test::Peer stranger{stranger_host, w.executor};
    stranger.connect(5060);
    stranger.say(w.request("MESSAGE", "1", {}, "Content-Type: text/plain\n\nHello"));
    EXPECT_EQ(stranger.last_status(), 403);
    EXPECT_TRUE(w.router.got.empty());
}

TEST(SipGatewayPager, IqIsAnsweredForTheDomain) {
    World w;
    auto iq = w.stanza(xmpp::Stanza::Kind::iq, "get");
    w.deliver(std::move(iq));
    EXPECT_EQ(w.outcomes, std::vector<std::string>{"service-unavailable"});
    EXPECT_TRUE(w.peer.heard.empty());
}

}  // namespace
}  // namespace parley::gateway
