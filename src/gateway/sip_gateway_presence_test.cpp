#include "gateway/gateway_fixture.hpp"

namespace parley::gateway {
namespace {

using namespace std::chrono_literals;
using test::World;

constexpr std::string_view open_pidf =
    "Event: presence\nSubscription-State: active;expires=3600\nContact: <sip:bob@10.0.0.2:5060;transport=tcp>\n"
    "Content-Type: application/pidf+xml\n\n"
    "<?xml version=\"1.0\"?><presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"pres:bob@sip.example.net\">"
    "<tuple id=\"t\"><status><basic>open</basic></status><note>In the lab</note></tuple></presence>";

// What a client of alice's sends to her contacts.
xmpp::Stanza available(World& w, std::string_view show = {}, std::string_view from = "alice@example.com/a") {
    auto stanza = w.stanza(xmpp::Stanza::Kind::presence, "", from);
    if (!show.empty()) stanza.add(xml::Element("jabber:client", "show")).add_text(show);
    return stanza;
}

// A NOTIFY of the partner's inside the dialog that our SUBSCRIBE has made.
void notify(World& w, std::string_view cseq, std::string_view rest) {
    const auto& subscribe = *w.peer.last("SUBSCRIBE");
    std::string text =
        "NOTIFY sip:sip.example.com:5060;transport=tcp SIP/2.0\nVia: SIP/2.0/TCP 10.0.0.2:5060;branch=z9hG4bKn";
    text.append(cseq).append("\nMax-Forwards: 70\nFrom: <sip:bob@sip.example.net>;tag=theirs\nTo: ");
    text.append(subscribe.header(sip::HeaderId::from)).append("\nCall-ID: ");
    text.append(subscribe.header(sip::HeaderId::call_id)).append("\nCSeq: ").append(cseq).append(" NOTIFY\n");
    w.peer.say(text.append(rest));
}

void accept_ours(World& w) {
    w.peer.answer("SUBSCRIBE", 200, "Expires: 3600\nContact: <sip:bob@10.0.0.2:5060;transport=tcp>\n");
}

std::string tag_of(const sip::Message& response) {
    return std::string(sip::parse_name_addr(response.header(sip::HeaderId::to))->tag());
}

TEST(SipGatewayContact, SubscribedToTheEnd) {
    World w;
    w.presence("subscribe");
    ASSERT_EQ(w.peer.count("SUBSCRIBE"), 1u);
    const auto subscribe = *w.peer.last("SUBSCRIBE");
    EXPECT_EQ(subscribe.request_uri(), "sip:bob@sip.example.net");
    EXPECT_EQ(subscribe.header(sip::HeaderId::event), "presence");
    EXPECT_EQ(subscribe.header(sip::HeaderId::accept), "application/pidf+xml");
    EXPECT_EQ(subscribe.header(sip::HeaderId::expires), "3600");
    EXPECT_EQ(subscribe.header(sip::HeaderId::contact), "<sip:sip.example.com:5060;transport=tcp>");
    accept_ours(w);
    notify(w, "1", "Event: presence\nSubscription-State: pending;expires=3600\n");
    EXPECT_EQ(w.peer.last_status(), 200);
    EXPECT_TRUE(w.router.got.empty());  // nobody has decided yet
    notify(w, "2", open_pidf);
    ASSERT_TRUE(w.router.find("subscribed"));
    EXPECT_TRUE(w.router.find("subscribed")->envelope.durable);
    const auto* shown = w.router.find("In the lab");
    ASSERT_TRUE(shown);
    EXPECT_EQ(shown->envelope.stanza->from, test::jid("bob@sip.example.net"));
    EXPECT_EQ(shown->envelope.to, test::jid("alice@example.com"));
    EXPECT_EQ(shown->envelope.stanza->type, "");

    const auto before = w.router.got.size();
    notify(w, "3", open_pidf);
    EXPECT_EQ(w.router.got.size(), before);  // nothing new
    w.presence("probe", "alice@example.com/new");
    EXPECT_EQ(w.router.got.back().envelope.to, test::jid("alice@example.com/new"));
    EXPECT_EQ(w.peer.count("SUBSCRIBE"), 1u);  // fresh enough

    w.presence("unsubscribe");
    ASSERT_EQ(w.peer.count("SUBSCRIBE"), 2u);
    EXPECT_EQ(w.peer.last("SUBSCRIBE")->header(sip::HeaderId::expires), "0");
    EXPECT_EQ(w.peer.last("SUBSCRIBE")->header(sip::HeaderId::call_id), subscribe.header(sip::HeaderId::call_id));
    w.peer.answer("SUBSCRIBE", 200, "Expires: 0\n");
    notify(w, "4", "Event: presence\nSubscription-State: terminated;reason=timeout\n");
    EXPECT_TRUE(w.rows.empty());
}

TEST(SipGatewayContact, Refused) {
    for (const int status : {403, 404, 603}) {
        SCOPED_TRACE(status);
        World w;
        w.presence("subscribe");
        w.peer.answer("SUBSCRIBE", status);
        EXPECT_TRUE(w.router.find("unsubscribed"));
        w.executor.advance(2h);
        EXPECT_EQ(w.peer.count("SUBSCRIBE"), 1u);  // and it is not asked again
    }
    World w;
    w.presence("subscribe");
    accept_ours(w);
    notify(w, "1", open_pidf);
    notify(w, "2", "Event: presence\nSubscription-State: terminated;reason=rejected\n");
    EXPECT_TRUE(w.router.find("unsubscribed"));
    EXPECT_TRUE(w.router.find("unavailable"));
}

TEST(SipGatewayContact, TriedAgainAfterTrouble) {
    World w;
    w.presence("subscribe");
    w.peer.answer("SUBSCRIBE", 503);
    EXPECT_TRUE(w.router.got.empty());
    w.executor.advance(59s);
    EXPECT_EQ(w.peer.count("SUBSCRIBE"), 1u);
    w.executor.advance(17s);  // a quarter more: not all at once
    EXPECT_EQ(w.peer.count("SUBSCRIBE"), 2u);
}

TEST(SipGatewayContact, GoesOnAfterARestart) {
    World w;
    w.presence("subscribe");
    accept_ours(w);
    notify(w, "1", open_pidf);
    const auto first = *w.peer.last("SUBSCRIBE");
    EXPECT_EQ(w.rows.size(), 1u);
    w.restart();
    w.presence("probe");
    ASSERT_EQ(w.peer.count("SUBSCRIBE"), 2u);  // what it says now: the same dialog, a higher number
    const auto& again = *w.peer.last("SUBSCRIBE");
    EXPECT_EQ(again.header(sip::HeaderId::call_id), first.header(sip::HeaderId::call_id));
    EXPECT_EQ(again.header(sip::HeaderId::from), first.header(sip::HeaderId::from));
    EXPECT_EQ(sip::parse_name_addr(again.header(sip::HeaderId::to))->tag(), "theirs");
    EXPECT_EQ(again.header(sip::HeaderId::cseq), "65 SUBSCRIBE");
}

// RFC 6665 4.1.3, and what our user sees of it.
TEST(SipGatewayContact, EachReasonToEnd) {
    struct Case {
        std::string_view reason;
        Seconds again_after;  // zero: at once; a negative one: not within the hour
        bool gone, refused;   // shown as offline; told that the permission has ended
    };
    for (const auto& c : {
             Case{"deactivated", 0s, false, false},
             Case{"timeout", 0s, false, false},
             Case{"probation;retry-after=120", 120s, true, false},
             Case{"probation", 15s, true, false},
             Case{"giveup;retry-after=300", 300s, true, false},
             Case{"rejected", -1s, true, true},
             Case{"noresource", -1s, true, true},
             Case{"invariant", -1s, false, false},
         }) {
        SCOPED_TRACE(c.reason);
        World w;
        w.presence("subscribe");
        accept_ours(w);
        notify(w, "1", open_pidf);
        w.executor.advance(2min);
        w.router.got.clear();
        notify(w, "2", "Event: presence\nSubscription-State: terminated;reason=" + std::string(c.reason) + "\n");
        EXPECT_EQ(w.peer.last_status(), 200);
        EXPECT_EQ(w.router.find("type='unavailable'") != nullptr, c.gone);
        EXPECT_EQ(w.router.find("type='unsubscribed'") != nullptr, c.refused);
        if (c.again_after == 0s) {
            ASSERT_EQ(w.peer.count("SUBSCRIBE"), 2u);
            EXPECT_EQ(w.peer.last("SUBSCRIBE")->header(sip::HeaderId::to), "<sip:bob@sip.example.net>");
            continue;
        }
        EXPECT_EQ(w.peer.count("SUBSCRIBE"), 1u);
        w.executor.advance(c.again_after < 0s ? 1h - 1s : c.again_after - 1s);
        EXPECT_EQ(w.peer.count("SUBSCRIBE"), 1u);
        if (c.again_after < 0s) continue;
        w.executor.advance(c.again_after / 4 + 2s);
        EXPECT_EQ(w.peer.count("SUBSCRIBE"), 2u);
    }
}

TEST(SipGatewayContact, WhoWasLetInOnceIsNotLostToAPartnersWrongList) {
    World w("ocs");
    w.presence("subscribe");
    accept_ours(w);
    notify(w, "1", open_pidf);
    w.executor.advance(2min);
    notify(w, "2", "Event: presence\nSubscription-State: terminated;reason=deactivated\n");
    ASSERT_EQ(w.peer.count("SUBSCRIBE"), 2u);
    w.peer.answer("SUBSCRIBE", 403, "ms-diagnostics-public: 1034;reason=\"Previous hop\";source=\"sip.example.net\"\n");
    EXPECT_FALSE(w.router.find("unsubscribed"));
    EXPECT_TRUE(w.router.find("type='unavailable'"));
    w.executor.advance(50s);
    EXPECT_EQ(w.peer.count("SUBSCRIBE"), 3u);
}

TEST(SipGatewayContact, AnUnknownFormIsNoReasonToEnd) {
    constexpr std::string_view odd =
        "Event: presence\nSubscription-State: active;expires=3600\nContent-Type: text/xml+msrtc.pidf\n\n<presentity/>";
    for (const bool ocs : {true, false}) {
        World w(ocs ? "ocs" : "simple");
        w.presence("subscribe");
        accept_ours(w);
        notify(w, "1", odd);
        EXPECT_EQ(w.peer.last_status(), 415);
        EXPECT_EQ(w.peer.response()->header(sip::HeaderId::accept), "application/pidf+xml");
        notify(w, "2", open_pidf);
        notify(w, "3", odd);
        EXPECT_EQ(w.peer.last_status(), ocs ? 200 : 415);
    }
}

TEST(SipGatewayContact, UnsubscribedWhileItsTurnHasNotCome) {
    World w;
    w.deliver(w.stanza(xmpp::Stanza::Kind::presence, "subscribe"));
    w.presence("unsubscribe");
    w.peer.answer("SUBSCRIBE", 200, "Expires: 3600\nContact: <sip:bob@10.0.0.2:5060;transport=tcp>\n");
    EXPECT_EQ(w.peer.last("SUBSCRIBE")->header(sip::HeaderId::expires), "0");
    w.peer.answer("SUBSCRIBE", 200, "Expires: 0\n");
    notify(w, "1", "Event: presence\nSubscription-State: terminated;reason=timeout\n");
    w.executor.advance(1min);
    EXPECT_EQ(w.peer.count("SUBSCRIBE"), 2u);
    EXPECT_TRUE(w.rows.empty());
}

// After a restart the user sees what was known before the partner has been asked.
TEST(SipGatewayContact, KnownAtOnceAfterARestart) {
    World w;
    w.presence("subscribe");
    accept_ours(w);
    notify(w, "1", open_pidf);
    w.executor.run_until_idle();
    w.restart();
    w.deliver(w.stanza(xmpp::Stanza::Kind::presence, "probe", "alice@example.com/new"));
    const auto* shown = w.router.find("In the lab");
    ASSERT_TRUE(shown);
    EXPECT_EQ(shown->envelope.to, test::jid("alice@example.com/new"));
}

struct Watched : World {
    void subscribe(std::string_view more = "Event: presence\nExpires: 3600\nAccept: application/pidf+xml\n") {
        if (!peer.connection) peer.connect(5060);
        peer.say(request("SUBSCRIBE", "1", {}, more));
        if (peer.response()) tag = tag_of(*peer.response());
    }
    std::string tag;
};

TEST(SipGatewayWatcher, AskedDecidedShownRefused) {
    Watched w;
    w.subscribe();
    ASSERT_TRUE(w.peer.response());
    EXPECT_EQ(w.peer.last_status(), 200);
    EXPECT_EQ(w.peer.response()->header(sip::HeaderId::expires), "3600");
    const auto* asked = w.router.find("type='subscribe'");
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->envelope.stanza->from, test::jid("bob@sip.example.net"));
    ASSERT_EQ(w.peer.count("NOTIFY"), 1u);
    EXPECT_TRUE(w.peer.last("NOTIFY")->header(sip::HeaderId::subscription_state).starts_with("pending"));
    EXPECT_EQ(w.peer.last("NOTIFY")->body(), "");
    w.peer.answer("NOTIFY", 200);

    w.deliver(available(w, "away"));  // not allowed to see it yet
    w.executor.advance(5s);
    EXPECT_EQ(w.peer.count("NOTIFY"), 1u);

    w.presence("subscribed");
    ASSERT_TRUE(w.router.find("probe"));
    w.deliver(available(w, "dnd"));
    w.executor.advance(100ms);
    ASSERT_EQ(w.peer.count("NOTIFY"), 2u);
    const auto active = *w.peer.last("NOTIFY");
    EXPECT_TRUE(active.header(sip::HeaderId::subscription_state).starts_with("active;expires="));
    EXPECT_NE(active.body().find("<basic>open</basic>"), std::string::npos) << active.body();
    EXPECT_NE(active.body().find("sip:alice@example.com"), std::string::npos);
    EXPECT_EQ(active.request_uri(), "sip:bob@10.0.0.2:5060;transport=tcp");
    w.peer.answer("NOTIFY", 200);

    w.presence("unavailable");
    w.executor.advance(100ms);
    ASSERT_EQ(w.peer.count("NOTIFY"), 3u);
    EXPECT_NE(w.peer.last("NOTIFY")->body().find("closed"), std::string::npos);
    w.peer.answer("NOTIFY", 200);

    // A refusal is polite: what an offline user looks like, and no more than that.
    const auto offline = *w.peer.last("NOTIFY");
    w.deliver(available(w, "away"));
    w.executor.advance(100ms);
    ASSERT_EQ(w.peer.count("NOTIFY"), 4u);
    w.peer.answer("NOTIFY", 200);
    w.presence("unsubscribed");
    w.executor.advance(100ms);
    ASSERT_EQ(w.peer.count("NOTIFY"), 5u);
    EXPECT_EQ(w.peer.last("NOTIFY")->body(), offline.body());
    EXPECT_TRUE(w.peer.last("NOTIFY")->header(sip::HeaderId::subscription_state).starts_with("active;expires="));
    w.peer.answer("NOTIFY", 200);
    EXPECT_FALSE(w.rows.empty()) << "the subscription goes on";
}

// Our server answers for a user who has said yes before, and that is faster than what it is asked.
struct WatchedBefore : Watched {
    WatchedBefore() {
        router.settle_at_once = false;
        subscribe();
        presence("subscribed");
        (*router.got.front().settled)(im::accepted);
        executor.run_until_idle();
    }
};

TEST(SipGatewayWatcher, WhoMayWatchIsToldAtOnceWhatIsSo) {
    WatchedBefore w;
    ASSERT_TRUE(w.router.find("probe"));
    EXPECT_FALSE(w.peer.response());
    w.deliver(available(w));
    w.executor.advance(100ms);
    EXPECT_EQ(w.peer.last_status(), 200);
    ASSERT_EQ(w.peer.count("NOTIFY"), 1u) << "nothing that says pending";
    EXPECT_TRUE(w.peer.last("NOTIFY")->header(sip::HeaderId::subscription_state).starts_with("active;expires="));
    EXPECT_NE(w.peer.last("NOTIFY")->body().find("open"), std::string::npos);
}

TEST(SipGatewayWatcher, WhoMayWatchIsAnsweredAlsoWhenNothingIsKnown) {
    WatchedBefore w;
    w.executor.advance(3s);
    EXPECT_EQ(w.peer.last_status(), 200);
    ASSERT_EQ(w.peer.count("NOTIFY"), 1u);
    EXPECT_NE(w.peer.last("NOTIFY")->body().find("closed"), std::string::npos);
}

TEST(SipGatewayWatcher, RefusedBeforeTheAnswer) {
    WatchedBefore w;
    w.presence("unsubscribed");
    w.executor.advance(3s);
    EXPECT_EQ(w.peer.last_status(), 200);
    ASSERT_EQ(w.peer.count("NOTIFY"), 1u);
    EXPECT_TRUE(w.peer.last("NOTIFY")->header(sip::HeaderId::subscription_state).starts_with("active;expires="));
    EXPECT_NE(w.peer.last("NOTIFY")->body().find("closed"), std::string::npos) << "as polite as any refusal";
}

TEST(SipGatewayWatcher, SeveralResourcesAreOnePerson) {
    Watched w;
    w.subscribe();
    w.peer.answer("NOTIFY", 200);
    w.presence("subscribed");
    w.deliver(available(w, "away", "alice@example.com/a"));
    w.deliver(available(w, "", "alice@example.com/b"));
    w.executor.advance(100ms);
    ASSERT_EQ(w.peer.count("NOTIFY"), 2u);  // one for both
    w.peer.answer("NOTIFY", 200);
    const auto both = w.peer.last("NOTIFY")->body();
    w.presence("unavailable", "alice@example.com/b");
    w.executor.advance(100ms);
    ASSERT_EQ(w.peer.count("NOTIFY"), 3u);
    EXPECT_NE(w.peer.last("NOTIFY")->body(), both);
    EXPECT_NE(w.peer.last("NOTIFY")->body().find("away"), std::string::npos);
}

TEST(SipGatewayWatcher, LookUp) {
    Watched w;
    w.subscribe("Event: presence\nExpires: 0\n");
    EXPECT_FALSE(w.peer.response());  // until the answer is known
    ASSERT_TRUE(w.router.find("probe"));
    w.deliver(available(w));
    w.executor.advance(100ms);
    EXPECT_EQ(w.peer.last_status(), 200);
    ASSERT_EQ(w.peer.count("NOTIFY"), 1u);
    EXPECT_TRUE(w.peer.last("NOTIFY")->header(sip::HeaderId::subscription_state).starts_with("terminated"));
    EXPECT_NE(w.peer.last("NOTIFY")->body().find("open"), std::string::npos);
    w.peer.answer("NOTIFY", 200);
    EXPECT_TRUE(w.rows.empty());
}

TEST(SipGatewayWatcher, LookUpWithoutPermissionShowsOffline) {
    Watched w;
    w.subscribe("Event: presence\nExpires: 0\n");
    w.presence("unsubscribed");
    w.executor.advance(100ms);
    ASSERT_EQ(w.peer.count("NOTIFY"), 1u);
    EXPECT_NE(w.peer.last("NOTIFY")->body().find("closed"), std::string::npos);
    EXPECT_EQ(w.router.find("type='subscribe'"), nullptr);
}

TEST(SipGatewayWatcher, NoSuchUser) {
    Watched w;
    w.router.settle_at_once = false;
    w.subscribe();
    EXPECT_FALSE(w.peer.response());
    ASSERT_EQ(w.router.got.size(), 1u);
    (*w.router.got.front().settled)(xmpp::stanza_error("service-unavailable"));
    w.executor.run_until_idle();
    EXPECT_EQ(w.peer.last_status(), 404);
    EXPECT_EQ(w.peer.count("NOTIFY"), 0u);
    EXPECT_TRUE(w.rows.empty());
}

TEST(SipGatewayWatcher, NotAllowedMeansThatNobodyIsTold) {
    Watched w;
    w.peer.connect(5060);
    w.peer.say(w.request("SUBSCRIBE", "1", {}, "Event: presence\nExpires: 3600\n", "bob@evil.example"));
    EXPECT_EQ(w.peer.last_status(), 403);
    EXPECT_TRUE(w.router.got.empty());
}

TEST(SipGatewayWatcher, SameDialogAfterARestart) {
    Watched w;
    w.subscribe();
    w.peer.answer("NOTIFY", 200);
    w.presence("subscribed");
    w.deliver(available(w));
    w.executor.advance(100ms);
    const auto before = *w.peer.last("NOTIFY");
    w.peer.answer("NOTIFY", 200);
    EXPECT_EQ(w.rows.size(), 1u);
    w.restart();
    w.executor.advance(59s);
    EXPECT_EQ(w.peer.count("NOTIFY"), 2u);  // her clients may be back in a moment
    w.executor.advance(2s);
    ASSERT_TRUE(w.router.find("probe"));  // they are not
    w.presence("unavailable");
    w.executor.advance(100ms);
    const auto& after = *w.peer.last("NOTIFY");
    EXPECT_NE(&after.body(), &before.body());
    EXPECT_NE(after.body().find("closed"), std::string::npos);
    EXPECT_EQ(after.header(sip::HeaderId::call_id), before.header(sip::HeaderId::call_id));
    EXPECT_EQ(after.header(sip::HeaderId::from), before.header(sip::HeaderId::from));
    EXPECT_EQ(after.header(sip::HeaderId::to), before.header(sip::HeaderId::to));
    EXPECT_EQ(before.header(sip::HeaderId::cseq), "2 NOTIFY");
    EXPECT_EQ(after.header(sip::HeaderId::cseq), "65 NOTIFY");
    // And the partner's refresh finds it, by whatever connection.
    w.peer.answer("NOTIFY", 200);
    w.peer.connect(5060);
    w.peer.say(w.request("SUBSCRIBE", "2", w.tag, "Event: presence\nExpires: 600\n"));
    EXPECT_EQ(w.peer.last_status(), 200);
    EXPECT_EQ(w.peer.response()->header(sip::HeaderId::expires), "600");
}

// Her watchers are told of her return once, and never that she has gone.
TEST(SipGatewayWatcher, OurRestartIsOneNotification) {
    Watched w;
    w.subscribe();
    w.peer.answer("NOTIFY", 200);
    w.presence("subscribed");
    w.deliver(available(w));
    w.executor.advance(100ms);
    w.peer.answer("NOTIFY", 200);
    ASSERT_EQ(w.peer.count("NOTIFY"), 2u);
    w.restart();
    // The partner's refresh just then.
    w.peer.connect(5060);
    w.peer.say(w.request("SUBSCRIBE", "2", w.tag, "Event: presence\nExpires: 3600\n"));
    EXPECT_EQ(w.peer.last_status(), 200);
    w.executor.advance(20s);
    EXPECT_EQ(w.peer.count("NOTIFY"), 2u);
    w.deliver(available(w));
    w.executor.advance(100ms);
    ASSERT_EQ(w.peer.count("NOTIFY"), 3u);
    EXPECT_NE(w.peer.last("NOTIFY")->body().find("<basic>open</basic>"), std::string::npos);
    w.peer.answer("NOTIFY", 200);
    w.executor.advance(5min);
    EXPECT_EQ(w.peer.count("NOTIFY"), 3u);
    EXPECT_FALSE(w.router.find("probe"));  // nothing was left to ask
}

}  // namespace
}  // namespace parley::gateway
