#include "sip/core_fixture.hpp"

namespace parley::sip {
namespace {

using namespace std::chrono_literals;
using test::World;

const Body open_body{"application/pidf+xml", "open"}, busy_body{"application/pidf+xml", "busy"};

// An OCS 2007 R2 edge: a long signed Record-Route with a parameter behind its bracket, a Via without a branch, repeated
// Supported lines, no Expires.
const std::string record_route = "<sip:sip.contoso.com:5061;transport=tls;lr;ms-key-info=" + std::string(300, 'A') +
                                 "_-;ms-route-sig=" + std::string(43, 'b') + "=>";
std::string subscribe(std::string_view expires = {}, std::string_view cseq = "1", std::string_view to_tag = {},
                      std::string_view branch = "1", std::string_view event = "presence") {
    return "SUBSCRIBE sip:u1@cup.example.com SIP/2.0\n"
           "Record-Route: " +
           record_route +
           ";tag=3A78FB75E877D0A0B16EB39156A3983A\n"
           "Via: SIP/2.0/TLS 203.0.113.7:4231;branch=z9hG4bK0D6A9383.D119DEC5" +
           std::string(branch) +
           ";branched=FALSE\n"
           "Max-Forwards: 68\n"
           "Via: SIP/2.0/TLS "
           "10.55.55.33:47696;branch=z9hG4bKC45BE092.1A435385;branched=FALSE;ms-received-port=47696;ms-received-cid="
           "200\n"
           "Via: SIP/2.0/TLS 10.55.55.22:4317;ms-received-port=4317;ms-received-cid=67F00\n"
           "From: \"Alice\"<sip:alice@contoso.com>;tag=dfac414f0f;epid=ce4ccd49ad\n"
           "To: <sip:u1@cup.example.com>" +
           (to_tag.empty() ? "" : ";tag=" + std::string(to_tag)) +
           "\n"
           "Call-ID: cecb8c21ba01462a90f2f7235673f2b9\n"
           "CSeq: " +
           std::string(cseq) +
           " SUBSCRIBE\n"
           "Contact: <sip:alice@contoso.com;opaque=user:epid:XHiWcZA4TlaDkwMgksvyrQAA;gruu>\n"
           "User-Agent: UCCP/2.0.6362.0 OC/2.0.6362.0 (Microsoft Office Communicator)\n"
           "Event: " +
           std::string(event) + "\n" + (expires.empty() ? "" : "Expires: " + std::string(expires) + "\n") +
           "Accept: application/msrtc-event-categories+xml, application/xpidf+xml, text/xml+msrtc.pidf, "
           "application/pidf+xml, application/rlmi+xml, multipart/related\n"
           "Supported: com.microsoft.autoextend\n"
           "Supported: ms-benotify\n"
           "Proxy-Require: ms-benotify\n"
           "Supported: ms-piggyback-first-notify\n";
}

std::string tag_of(const Message& response) {
    return std::string(parse_name_addr(response.header(HeaderId::to))->tag());
}

TEST(CoreWatcher, OcsSubscribes) {  // scenario S2
    World w;
    w.receive(subscribe());
    EXPECT_TRUE(w.heard("subscribe sip:alice@contoso.com 7200"));
    EXPECT_TRUE(w.sent.empty());
    w.core->accept_subscription(w.usage, Notifier::State::active, open_body);
    EXPECT_TRUE(w.sent.empty());  // nothing before the row is on disk
    w.settle();
    EXPECT_EQ(w.log,
              (std::vector<std::string>{"subscribe sip:alice@contoso.com 7200", "persist", "send 200", "send NOTIFY"}));
    const auto& ok = w.response();
    EXPECT_EQ(
        ok.headers(HeaderId::via),
        (std::vector<std::string_view>{"SIP/2.0/TLS 203.0.113.7:4231;branch=z9hG4bK0D6A9383.D119DEC51;branched=FALSE",
                                       "SIP/2.0/TLS "
                                       "10.55.55.33:47696;branch=z9hG4bKC45BE092.1A435385;branched=FALSE;ms-received-"
                                       "port=47696;ms-received-cid=200",
                                       "SIP/2.0/TLS 10.55.55.22:4317;ms-received-port=4317;ms-received-cid=67F00"}));
    EXPECT_EQ(ok.header(HeaderId::record_route), record_route + ";tag=3A78FB75E877D0A0B16EB39156A3983A");
    EXPECT_EQ(ok.header(HeaderId::from), "\"Alice\"<sip:alice@contoso.com>;tag=dfac414f0f;epid=ce4ccd49ad");
    EXPECT_EQ(ok.header(HeaderId::contact), "<sip:sip.cup.example.com:5061;transport=tls>");
    EXPECT_EQ(ok.header(HeaderId::expires), "7200");
    EXPECT_FALSE(ok.has(HeaderId::supported));
    EXPECT_TRUE(ok.body().empty());
    EXPECT_TRUE(tag_of(ok).starts_with("01.03ff."));

    const auto* notify = w.last("NOTIFY");
    EXPECT_EQ(notify->domain, "contoso.com");
    const auto& m = notify->message;
    EXPECT_EQ(m.request_uri(), "sip:alice@contoso.com;opaque=user:epid:XHiWcZA4TlaDkwMgksvyrQAA;gruu");
    EXPECT_EQ(m.header(HeaderId::route), record_route);
    EXPECT_EQ(m.header(HeaderId::from), "<sip:u1@cup.example.com>;tag=" + tag_of(ok));
    EXPECT_EQ(m.header(HeaderId::to), "<sip:alice@contoso.com>;tag=dfac414f0f");
    EXPECT_EQ(m.header(HeaderId::event), "presence");
    EXPECT_EQ(m.header(HeaderId::subscription_state), "active;expires=7200");
    EXPECT_EQ(m.header(HeaderId::content_type), "application/pidf+xml");
    EXPECT_EQ(m.body(), "open");
    EXPECT_TRUE(m.header(HeaderId::via).starts_with("SIP/2.0/TLS sip.cup.example.com:5061;branch=z9hG4bK"));
}

struct Watched : World {
    Watched() {
        receive(subscribe());
        core->accept_subscription(usage, Notifier::State::active, open_body);
        settle();
        tag = tag_of(response());
        answer("NOTIFY", 200);
    }
    std::string tag;
};

TEST(CoreWatcher, RefreshesInTheDialogOverAnyLink) {
    Watched w;
    w.advance(6300s);
    w.receive(subscribe("3600", "2", w.tag, "2"), LinkId{4});
    EXPECT_EQ(w.last_status(), 200);
    EXPECT_EQ(w.sent[w.sent.size() - 2].link, LinkId{4});
    EXPECT_EQ(w.response().header(HeaderId::expires), "3600");
    EXPECT_EQ(w.last("NOTIFY")->message.header(HeaderId::subscription_state), "active;expires=3600");
    EXPECT_EQ(w.last("NOTIFY")->message.header(HeaderId::cseq), "2 NOTIFY");
    w.answer("NOTIFY", 200);
    w.receive(subscribe("3600", "2", w.tag, "3"));  // an old number
    EXPECT_EQ(w.last_status(), 500);
}

TEST(CoreWatcher, Unsubscribes) {
    Watched w;
    w.receive(subscribe("0", "2", w.tag, "2"));
    EXPECT_EQ(w.last_status(), 200);
    EXPECT_EQ(w.last("NOTIFY")->message.header(HeaderId::subscription_state), "terminated;reason=timeout");
    EXPECT_EQ(w.rows.size(), 1u);
    w.answer("NOTIFY", 200);
    EXPECT_TRUE(w.heard("watcher gone 3"));
    EXPECT_TRUE(w.rows.empty());
    EXPECT_EQ(w.core->usages(), 0u);
    w.receive(subscribe("3600", "3", w.tag, "4"));
    EXPECT_EQ(w.last_status(), 481);
}

TEST(CoreWatcher, LooksUp) {
    World w;
    w.receive(subscribe("0"));
    EXPECT_TRUE(w.heard("subscribe sip:alice@contoso.com 0 look-up"));
    w.core->accept_subscription(w.usage, Notifier::State::active, open_body);
    w.settle();
    EXPECT_EQ(w.response().header(HeaderId::expires), "0");
    EXPECT_EQ(w.last("NOTIFY")->message.header(HeaderId::subscription_state), "terminated;reason=timeout");
    EXPECT_EQ(w.last("NOTIFY")->message.body(), "open");
    EXPECT_TRUE(w.rows.empty());
    w.answer("NOTIFY", 200);
    EXPECT_EQ(w.core->usages(), 0u);
}

TEST(CoreWatcher, IsRefused) {
    struct Case {
        std::string request;
        int refuse, status;
        HeaderId with;
        std::string_view value;
    };
    for (const auto& c : {
             Case{subscribe(), 403, 403, HeaderId::other, ""},
             Case{subscribe({}, "1", {}, "1", "presence.wpending"), 0, 489, HeaderId::allow_events, "presence"},
             Case{subscribe({}, "1", {}, "1", "vnd-microsoft-roaming-contacts"), 0, 489, HeaderId::allow_events,
                  "presence"},
             Case{subscribe("30"), 0, 423, HeaderId::min_expires, "60"},
             Case{subscribe({}, "2", "01.03ff.0123456789abcdef"), 0, 481, HeaderId::other, ""},
         }) {
        SCOPED_TRACE(c.status);
        World w;
        w.refuse = c.refuse;
        w.receive(c.request);
        EXPECT_EQ(w.last_status(), c.status);
        EXPECT_EQ(w.log.size(), 1u);  // nobody heard of it
        if (c.with != HeaderId::other) {
            EXPECT_EQ(w.response().header(c.with), c.value);
        }
        EXPECT_EQ(w.core->usages(), 0u);
        EXPECT_EQ(w.core->transactions(), 0u);
    }
    World w;
    w.receive(subscribe());
    w.core->reject_subscription(w.usage, 404);
    EXPECT_EQ(w.last_status(), 404);
    EXPECT_EQ(w.response().header(HeaderId::warning), "");
    EXPECT_EQ(w.core->usages(), 0u);
}

// RFC 3261 20.43
TEST(CoreWatcher, IsToldWhyInAWarning) {
    World at_the_door;
    at_the_door.refuse = 403;
    at_the_door.refuse_words = "no \"rule\" allows it\r\nX-Evil: 1";
    at_the_door.receive(subscribe());
    EXPECT_EQ(at_the_door.response().header(HeaderId::warning), R"(399 parley "no \"rule\" allows itX-Evil: 1")");
}

TEST(CoreWatcher, NewestStateWaitsBehindTheOneInFlight) {
    Watched w;
    w.core->notify(w.usage, Notifier::State::active, busy_body);
    w.core->notify(w.usage, Notifier::State::active, open_body);
    w.core->notify(w.usage, Notifier::State::active, {"application/pidf+xml", "away"});
    EXPECT_EQ(w.count("NOTIFY"), 2u);
    w.answer("NOTIFY", 200);
    EXPECT_EQ(w.count("NOTIFY"), 3u);
    EXPECT_EQ(w.last("NOTIFY")->message.body(), "away");
    w.answer("NOTIFY", 481);
    EXPECT_TRUE(w.heard("watcher gone 2"));
    EXPECT_TRUE(w.rows.empty());
}

TEST(CoreWatcher, SurvivesALostLinkButNotSilence) {
    Watched w;
    w.core->notify(w.usage, Notifier::State::active, busy_body);
    w.core->on_sent(w.last("NOTIFY")->id, LinkId{5});
    w.core->on_link_down(LinkId{5});
    EXPECT_EQ(w.core->usages(), 1u);
    w.advance(5s);
    EXPECT_EQ(w.count("NOTIFY"), 3u);
    EXPECT_EQ(w.last("NOTIFY")->message.body(), "busy");
    w.core->on_send_failed(w.last("NOTIFY")->id);
    w.advance(10s);
    EXPECT_EQ(w.count("NOTIFY"), 4u);
    w.advance(32s);  // timer F
    EXPECT_TRUE(w.heard("watcher gone 2"));
    EXPECT_EQ(w.core->usages(), 0u);
}

TEST(CoreWatcher, Expires) {
    Watched w;
    w.advance(7200s);
    EXPECT_EQ(w.last("NOTIFY")->message.header(HeaderId::subscription_state), "terminated;reason=timeout");
    w.answer("NOTIFY", 200);
    EXPECT_EQ(w.core->usages(), 0u);
}

TEST(CoreWatcher, TheSameDialogGoesOnAfterARestart) {
    Watched w;
    w.advance(1000s);
    const auto restored = w.restart();
    ASSERT_EQ(restored.size(), 1u);
    EXPECT_EQ(restored[0].role, DialogRecord::Role::notifier);
    EXPECT_EQ(restored[0].party.remote.aor(), "sip:alice@contoso.com");
    EXPECT_EQ(restored[0].state, "active");
    w.core->notify(restored[0].id, Notifier::State::active, busy_body);
    EXPECT_TRUE(w.sent.empty());  // a block of numbers first
    w.settle();
    const auto& m = w.last("NOTIFY")->message;
    EXPECT_EQ(m.header(HeaderId::cseq), "65 NOTIFY");
    EXPECT_EQ(m.header(HeaderId::route), record_route);
    EXPECT_EQ(m.header(HeaderId::from), "<sip:u1@cup.example.com>;tag=" + w.tag);
    EXPECT_EQ(m.header(HeaderId::subscription_state), "active;expires=6200");
    w.answer("NOTIFY", 200);
    w.receive(subscribe("3600", "2", w.tag, "2"));  // the peer's refresh is understood
    EXPECT_EQ(w.last_status(), 200);
}

TEST(CoreWatcher, NumbersNeverGoBack) {
    Watched w;
    std::uint32_t highest = 0;
    for (int round = 0; round < 5; ++round) {
        for (int i = 0; i < 70; ++i) {
            w.core->notify(w.usage, Notifier::State::active, {"application/pidf+xml", std::to_string(i)});
            if (i % 7 == 0)
                w.core->notify(w.usage, i % 2 ? Notifier::State::active : Notifier::State::pending, busy_body);
            w.settle();
            const auto number =
                parse_number<std::uint32_t>(split(w.last("NOTIFY")->message.header(HeaderId::cseq), ' ')[0]).value();
            ASSERT_GE(number, highest);
            highest = number;
            w.answer("NOTIFY", 200);
        }
        const auto restored = w.restart();
        ASSERT_EQ(restored.size(), 1u);
        w.usage = restored[0].id;
        w.core->notify(w.usage, Notifier::State::active, open_body);
        w.settle();
        const auto number =
            parse_number<std::uint32_t>(split(w.last("NOTIFY")->message.header(HeaderId::cseq), ' ')[0]).value();
        ASSERT_GT(number, highest);
        w.answer("NOTIFY", 200);
    }
}

TEST(CoreWatcher, DiskFull) {
    World w;
    w.disk_ok = false;
    w.receive(subscribe());
    w.core->accept_subscription(w.usage, Notifier::State::active, open_body);
    w.settle();
    EXPECT_EQ(w.last_status(), 500);
    EXPECT_TRUE(w.heard("watcher gone 3"));
    EXPECT_EQ(w.core->usages(), 0u);
}

// ---- we watch

std::string notify(const World& w, std::string_view state, std::string_view body, std::string_view cseq = "1",
                   std::string_view method = "NOTIFY") {
    const auto& s = w.last("SUBSCRIBE")->message;
    return std::string(method) +
           " sip:sip.cup.example.com:5061;transport=tls SIP/2.0\n"
           "Via: SIP/2.0/TLS 203.0.113.7:4231;branch=z9hG4bKn" +
           std::string(cseq) +
           "\n"
           "From: <sip:alice@contoso.com>;tag=theirs;epid=1\n"
           "To: " +
           std::string(s.header(HeaderId::from)) +
           "\n"
           "Call-ID: " +
           std::string(s.header(HeaderId::call_id)) +
           "\n"
           "CSeq: " +
           std::string(cseq) + " " + std::string(method) +
           "\n"
           "Contact: <sip:sip.contoso.com:5061;transport=tls>\n"
           "Event: presence\n"
           "subscription-state: " +
           std::string(state) +
           "\n"
           "Content-Type: application/pidf+xml\n\n" +
           std::string(body);
}

struct Watching : World {
    Watching() {
        usage = core->subscribe(*Uri::parse("sip:u1@cup.example.com"), *Uri::parse("sip:alice@contoso.com"), {});
        settle();
    }
};

constexpr std::string_view accepted =
    "Expires: 29087\nContact: <sip:sip.contoso.com:5061;transport=tls>\n"
    "Record-Route: <sip:sip.contoso.com:5061;transport=tls;lr;ms-route-sig=xx>;tag=3A\n";

TEST(CoreSubscriber, AsksForPidfOnly) {  // scenario S3
    Watching w;
    const auto& m = w.last("SUBSCRIBE")->message;
    EXPECT_EQ(w.last("SUBSCRIBE")->domain, "contoso.com");
    EXPECT_EQ(m.request_uri(), "sip:alice@contoso.com");
    EXPECT_EQ(m.headers(HeaderId::accept), (std::vector<std::string_view>{"application/pidf+xml"}));
    EXPECT_EQ(m.header(HeaderId::expires), "3600");
    EXPECT_FALSE(m.has(HeaderId::supported));
    EXPECT_EQ(m.header(HeaderId::contact), "<sip:sip.cup.example.com:5061;transport=tls>");
    w.answer("SUBSCRIBE", 200, accepted);
    w.receive(notify(w, "active;expires=29087", "away"));
    EXPECT_EQ(w.last_status(), 200);
    EXPECT_TRUE(w.heard("notify active;expires=29087 away"));
    ASSERT_EQ(w.rows.size(), 1u);
    w.advance(26200s);  // nine tenths of what was granted
    const auto& refresh = w.last("SUBSCRIBE")->message;
    EXPECT_EQ(w.count("SUBSCRIBE"), 2u);
    EXPECT_EQ(refresh.header(HeaderId::cseq), "2 SUBSCRIBE");
    EXPECT_EQ(refresh.header(HeaderId::route), "<sip:sip.contoso.com:5061;transport=tls;lr;ms-route-sig=xx>");
    EXPECT_EQ(refresh.request_uri(), "sip:sip.contoso.com:5061;transport=tls");
    w.answer("SUBSCRIBE", 481);  // their server was restarted
    EXPECT_TRUE(w.heard("subscription end 0 481 "));
    EXPECT_TRUE(w.rows.empty());
}

TEST(CoreSubscriber, PiggybackedAnswer) {
    Watching w;
    w.answer("SUBSCRIBE", 200,
             std::string(accepted) +
                 "Event: presence\nsubscription-state: active;expires=29087\nms-piggyback-cseq: 1\n"
                 "Supported: ms-piggyback-first-notify\nContent-Type: application/pidf+xml\n\naway");
    EXPECT_TRUE(w.heard("notify active;expires=29087 away"));
    w.advance(60s);  // no NOTIFY follows, and none is missed
    EXPECT_EQ(w.core->usages(), 1u);
}

TEST(CoreSubscriber, BenotifyIsNeverAnswered) {
    Watching w;
    w.answer("SUBSCRIBE", 202, accepted);
    w.receive(notify(w, "active;expires=100", "busy", "1", "BENOTIFY"));
    EXPECT_TRUE(w.heard("notify active;expires=100 busy"));
    w.receive(notify(w, "active;expires=100", "odd", "0", "BENOTIFY"));         // out of order
    w.receive("BENOTIFY sip:x SIP/2.0\nVia: SIP/2.0/TLS h;branch=z9hG4bKx\n");  // broken
    for (const auto& sent : w.sent) EXPECT_TRUE(sent.message.is_request());
    EXPECT_EQ(w.core->transactions(), 0u);
}

TEST(CoreSubscriber, NotifyBeforeTheAnswer) {
    Watching w;
    w.receive(notify(w, "pending;expires=3600", ""));
    EXPECT_EQ(w.last_status(), 200);
    w.answer("SUBSCRIBE", 200, "Expires: 3600\nContact: <sip:sip.contoso.com>\n");
    w.receive(notify(w, "active;expires=3600", "open", "2"));
    EXPECT_EQ(w.last_status(), 200);
    auto forged = notify(w, "terminated;reason=rejected", "", "3");
    forged.replace(forged.find("tag=theirs"), 10, "tag=others");
    w.receive(forged);
    EXPECT_EQ(w.last_status(), 481);
    EXPECT_EQ(w.core->usages(), 1u);
}

TEST(CoreSubscriber, Refusals) {
    struct Case {
        int status;
        std::string_view more, end;
    };
    for (const auto& c : {
             Case{403, "", "subscription end 3 403 "},
             Case{404, "", "subscription end 3 404 "},
             Case{480, "", "subscription end 1 480 "},
             Case{481, "", "subscription end 1 481 "},
             Case{489, "", "subscription end 3 489 "},
             Case{504, "ms-diagnostics-public: 1034;reason=\"x\"\n",
                  "subscription end 1 504 ms-diagnostics-public: 1034;reason=\"x\""},
         }) {
        SCOPED_TRACE(c.status);
        Watching w;
        w.answer("SUBSCRIBE", c.status, c.more);
        EXPECT_TRUE(w.heard(c.end)) << w.log.back();
        EXPECT_TRUE(w.rows.empty());
        EXPECT_EQ(w.core->usages(), 0u);
    }
    Watching brief;
    brief.answer("SUBSCRIBE", 423, "Min-Expires: 7200\n");
    EXPECT_EQ(brief.last("SUBSCRIBE")->message.header(HeaderId::expires), "7200");
    Watching silent;
    silent.advance(32s);
    EXPECT_TRUE(silent.heard("subscription end 1 408 "));
}

TEST(CoreSubscriber, EndsByNotifyAndByUs) {
    Watching w;
    w.answer("SUBSCRIBE", 200, accepted);
    w.receive(notify(w, "active;expires=100", "open"));
    w.core->unsubscribe(w.usage);
    w.settle();
    EXPECT_EQ(w.last("SUBSCRIBE")->message.header(HeaderId::expires), "0");
    w.answer("SUBSCRIBE", 200, "Expires: 0\n");
    w.receive(notify(w, "terminated;reason=timeout", "closed", "2"));
    EXPECT_TRUE(w.heard("subscription end 4 0 timeout"));
    EXPECT_TRUE(w.rows.empty());
    w.receive(notify(w, "terminated;reason=timeout", "closed", "3"));
    EXPECT_EQ(w.last_status(), 481);
}

TEST(CoreSubscriber, TheSameDialogGoesOnAfterARestart) {
    Watching w;
    w.answer("SUBSCRIBE", 200, accepted);
    const auto next = notify(w, "active;expires=20000", "busy", "9");
    w.receive(notify(w, "active;expires=29087", "open"));
    const auto restored = w.restart();
    ASSERT_EQ(restored.size(), 1u);
    EXPECT_EQ(restored[0].role, DialogRecord::Role::subscriber);
    EXPECT_EQ(restored[0].state, "active");
    w.receive(next);  // the peer's next notification
    EXPECT_EQ(w.last_status(), 200);
    EXPECT_TRUE(w.heard("notify active;expires=20000 busy"));
    w.core->refresh(restored[0].id);
    w.settle();
    EXPECT_EQ(w.last("SUBSCRIBE")->message.header(HeaderId::cseq), "65 SUBSCRIBE");
}

}  // namespace
}  // namespace parley::sip
