#include "sip/core_fixture.hpp"
#include "sip/testdata/torture.hpp"

namespace parley::sip {
namespace {

using namespace std::chrono_literals;
using test::World;

const TextToSend hi{{"text/plain; charset=UTF-8", "Hi"}}, second{{"text/plain", "again"}};
const Uri u1 = *Uri::parse("sip:u1@cup.example.com"), alice = *Uri::parse("sip:alice@contoso.com");

constexpr std::string_view im_sdp =
    "Content-Type: application/sdp\n\n"
    "v=0\no=- 0 0 IN IP4 10.78.251.56\ns=session\nc=IN IP4 10.78.251.56\nt=0 0\n"
    "m=message 5060 sip null\n"
    "a=accept-types:text/plain multipart/alternative image/gif text/rtf text/html application/x-ms-ink "
    "application/ms-imdn+xml text/x-msmsgsinvite\n";

std::string request(std::string_view method, std::string_view cseq, std::string_view to_tag, std::string_view rest = {},
                    std::string_view call_id = "3eb03c53a8f247bb891eb243e860ff7b", std::string_view branch = {}) {
    const std::string b(branch.empty() ? cseq : branch);
    return std::string(method) +
           " sip:u1@cup.example.com SIP/2.0\n"
           "Via: SIP/2.0/TLS 203.0.113.7:4231;branch=z9hG4bK" +
           b + (method == "ACK" ? "a" : "") +
           ";branched=FALSE\n"
           "Max-Forwards: 68\n"
           "From: \"Alice\"<sip:alice@contoso.com>;tag=753cf74dcb;epid=48a4a25bb1\n"
           "To: <sip:u1@cup.example.com>" +
           (to_tag.empty() ? "" : ";tag=" + std::string(to_tag)) +
           "\n"
           "Call-ID: " +
           std::string(call_id) +
           "\n"
           "CSeq: " +
           std::string(cseq) + " " + std::string(method) +
           "\n"
           "Contact: <sip:alice@contoso.com;opaque=user:epid:4BYPlX2Wv1mCQSyyYpXsJQAA;gruu>\n" +
           std::string(rest);
}

// An OCS INVITE: the first text rides in it, and all the headers of a 1:1 session that look like a group chat.
std::string invite(std::string_view body = im_sdp, std::string_view call_id = "3eb03c53a8f247bb891eb243e860ff7b") {
    return request("INVITE", "1", {},
                   "ms-text-format: text/plain; charset=UTF-8;msgr=WAAtAE0ATQBTAC0A;ms-body=SGk=\n"
                   "Supported: ms-delayed-accept\nSupported: timer\nSupported: com.microsoft.rtc-multiparty\n"
                   "Ms-Conversation-ID: AdPQwQ+QHyGgNm5cnnI5Sv0cCiqWRg==\n"
                   "Roster-Manager: sip:alice@contoso.com\n"
                   "EndPoints: <sip:alice@contoso.com>, <sip:u1@cup.example.com>\n" +
                       std::string(body),
                   call_id, std::string("1") + std::string(call_id));
}

std::string tag_of(const Message& response) {
    return std::string(parse_name_addr(response.header(HeaderId::to))->tag());
}

TEST(CoreSession, FromOcs) {  // scenario S4
    World w;
    w.receive(invite());
    EXPECT_TRUE(w.heard("session request sip:alice@contoso.com"));
    w.core->accept_session(w.usage);
    EXPECT_TRUE(w.sent.empty());
    w.settle();
    const auto ok = w.response();
    EXPECT_EQ(ok.status(), 200);
    EXPECT_EQ(ok.header(HeaderId::contact), "<sip:sip.cup.example.com:5061;transport=tls>");
    EXPECT_FALSE(ok.has(HeaderId::supported));  // no ms-text-format: "Hi" comes again, and so comes once
    EXPECT_EQ(ok.body(),
              "v=0\r\no=- 0 0 IN IP4 sip.cup.example.com\r\ns=session\r\nc=IN IP4 sip.cup.example.com\r\nt=0 0\r\n"
              "m=message 5060 sip sip:u1@cup.example.com\r\n"
              "a=accept-types:text/plain application/im-iscomposing+xml\r\n");
    const auto tag = tag_of(ok);
    w.receive(request("ACK", "1", tag));
    EXPECT_TRUE(w.heard("session open text/plain"));
    w.receive(request("MESSAGE", "2", tag, "Content-Type: text/plain; charset=UTF-8\n\nHi"));
    EXPECT_TRUE(w.heard("text Hi"));
    EXPECT_EQ(w.origin, "753cf74dcb 3eb03c53a8f247bb891eb243e860ff7b 2 MESSAGE");
    EXPECT_EQ(w.sent.size(), 1u);  // answered when it is durable, and not before
    w.core->answer(w.asked, 200);
    EXPECT_EQ(w.last_status(), 200);
    EXPECT_EQ(w.response().header(HeaderId::cseq), "2 MESSAGE");
    w.receive(
        request("INFO", "3", tag,
                "Content-Type: application/xml\n\n<KeyboardActivity><status status=\"type\"/></KeyboardActivity>"));
    EXPECT_TRUE(w.heard("info application/xml"));
    w.core->send_text(w.usage, second);
    EXPECT_EQ(w.last("MESSAGE")->message.request_uri(),
              "sip:alice@contoso.com;opaque=user:epid:4BYPlX2Wv1mCQSyyYpXsJQAA;gruu");
    w.answer("MESSAGE", 200);
    EXPECT_TRUE(w.heard("outcome 200"));
    w.receive(request("BYE", "4", tag));
    EXPECT_EQ(w.last_status(), 200);
    EXPECT_TRUE(w.heard("session end 2 0"));
    EXPECT_TRUE(w.rows.empty());
    EXPECT_EQ(w.core->usages(), 0u);
    w.receive(request("MESSAGE", "5", tag, "Content-Type: text/plain\n\nlate"));
    EXPECT_EQ(w.last_status(), 481);
}

struct Talking : World {
    Talking() {
        receive(invite());
        core->accept_session(usage);
        settle();
        tag = tag_of(response());
        receive(request("ACK", "1", tag));
    }
    std::string tag;
};

TEST(CoreSession, RefusedBeforeTheUserHears) {  // scenario S6 and the torture messages of section 3.3
    struct Case {
        std::string request;
        int status;
        std::string notice{};
    };
    for (const auto& c : {
             Case{invite("Content-Type: application/ms-conf-invite+xml\n\n<Conferencing version=\"2.0\"/>"), 488,
                  "group"},
             Case{invite("Content-Type: multipart/mixed;boundary=x\n\nx"), 488},
             Case{invite("Content-Type: multipart/mixed;boundary=x\n\n--x\nContent-Type: "
                         "application/ms-filetransfer+xml\n\n<Filetransfer/>\n--x--"),
                  488, "file"},
             Case{invite("Content-Type: multipart/alternative;boundary=x\n\n--x\n\nv=0\nm=audio 1 RTP/AVP 0\n--x--"),
                  488, "call"},
             Case{request("INVITE", "1", {},
                          "ms-text-format: text/x-msmsgsinvite; charset=UTF-8;ms-body=TQ==\n" + std::string(im_sdp)),
                  488, "file"},
             Case{request("INVITE", "1", {},
                          "EndPoints: <sip:alice@contoso.com>, <sip:u1@cup.example.com>, <sip:third@contoso.com>\n" +
                              std::string(im_sdp)),
                  420, "group"},
             Case{invite("Content-Type: application/sdp\n\nv=0\nm=message 7654 TCP/MSRP *\n"), 488},
             Case{invite("Content-Type: application/sdp\n\nv=0\nm=audio 4000 RTP/AVP 0\n"), 488, "call"},
             Case{invite("Content-Type: application/sdp\n\nnonsense"), 400},
             Case{invite("Content-Type: application/unknownformat\n\nx"), 415},
             Case{invite("Accept: text/nobodyKnowsThis\n" + std::string(im_sdp)), 406},
             Case{invite("Require: com.microsoft.rtc-multiparty\n" + std::string(im_sdp)), 420, "group"},
             Case{request("REFER", "1", {}, "Refer-To: <sip:x@y>\n"), 405},
             Case{request("REGISTER", "1", {}), 405},
             Case{request("NEGOTIATE", "1", {}), 501},
             Case{request("NOTIFY", "1", {}, "Event: presence\nSubscription-State: active\n"), 481},
             Case{request("BYE", "1", "nobody"), 481},
             Case{request("CANCEL", "1", {}), 481},
             Case{request("OPTIONS", "1", {}), 200},
         }) {
        SCOPED_TRACE(c.request);
        World w;
        w.receive(c.request);
        EXPECT_EQ(w.last_status(), c.status);
        EXPECT_EQ(w.log.size(), c.notice.empty() ? 1u : 2u);
        if (!c.notice.empty()) {
            EXPECT_EQ(w.log.back(), "unwanted " + c.notice + " sip:alice@contoso.com");
        }
        EXPECT_EQ(w.core->usages(), 0u);
        if (c.status == 420) {
            EXPECT_EQ(w.response().header(HeaderId::unsupported), "com.microsoft.rtc-multiparty");
        }
        if (c.status == 405) {
            EXPECT_TRUE(list_has(w.response(), HeaderId::allow, "MESSAGE"));
        }
    }
}

TEST(CoreSession, ReferDoesNotEndIt) {
    Talking w;
    w.receive(request("REFER", "2", w.tag, "Refer-To: <sip:x@y>\n"));
    EXPECT_EQ(w.last_status(), 405);
    EXPECT_EQ(w.log.back(), "unwanted group sip:alice@contoso.com");
    w.receive(request("INVITE", "3", w.tag,
                      "Require: com.microsoft.rtc-multiparty\nTriggeredInvite: TRUE\n" + std::string(im_sdp)));
    EXPECT_EQ(w.last_status(), 420);
    w.receive(request("INVITE", "4", w.tag, "Content-Type: application/sdp\n\nv=0\nm=audio 4000 RTP/AVP 0\n"));
    EXPECT_EQ(w.last_status(), 488);
    EXPECT_EQ(w.log.back(), "unwanted call sip:alice@contoso.com");
    w.core->send_text(w.usage, hi);
    EXPECT_EQ(w.count("MESSAGE"), 1u);
}

TEST(CoreSession, Cancelled) {
    World w;
    w.receive(invite());
    w.advance(200ms);
    EXPECT_EQ(w.last_status(), 100);
    const std::string call_id = "3eb03c53a8f247bb891eb243e860ff7b";
    w.receive(request("CANCEL", "1", {}, {}, call_id, "1" + call_id));
    EXPECT_EQ(w.log, (std::vector<std::string>{"session request sip:alice@contoso.com", "send 100", "send 200",
                                               "send 487", "session end 1 487"}));
    EXPECT_EQ(w.core->usages(), 0u);
    w.core->accept_session(w.usage);  // too late: nothing happens
    w.settle();
    EXPECT_EQ(w.log.size(), 5u);
}

TEST(CoreSession, OkIsSentAgainUntilItsAck) {
    World w;
    w.receive(invite());
    w.core->accept_session(w.usage);
    w.settle();
    const auto tag = tag_of(w.response());
    w.advance(500ms);
    EXPECT_EQ(w.sent.size(), 2u);
    EXPECT_EQ(w.sent[0].message.serialise(), w.sent[1].message.serialise());
    w.advance(1s);
    EXPECT_EQ(w.sent.size(), 3u);
    EXPECT_EQ(w.core->transactions(), 1u);
    w.receive(request("ACK", "1", tag));
    EXPECT_EQ(w.core->transactions(), 0u);
    w.advance(10s);
    EXPECT_EQ(w.sent.size(), 3u);

    World lost;
    lost.receive(invite());
    lost.core->accept_session(lost.usage);
    lost.settle();
    for (int i = 0; i < 64; ++i) lost.advance(500ms);
    EXPECT_TRUE(lost.heard("session end 7 408"));
    EXPECT_EQ(lost.count("BYE"), 1u);
    EXPECT_TRUE(lost.rows.empty());
}

TEST(CoreSession, ASecondInviteReplacesTheFirst) {
    Talking w;
    const auto old = w.usage;
    w.receive(invite(im_sdp, "other"));
    EXPECT_TRUE(w.heard("session request sip:alice@contoso.com replaces"));
    EXPECT_NE(w.usage, old);
    w.core->accept_session(w.usage);
    w.settle();
    EXPECT_TRUE(w.heard("session end 6 0"));
    EXPECT_EQ(w.count("BYE"), 1u);
    EXPECT_EQ(w.core->usages(), 1u);
}

TEST(CoreSession, ReinviteKeepsItOpen) {
    Talking w;
    w.receive(request("INVITE", "2", w.tag, im_sdp));
    EXPECT_EQ(w.last_status(), 200);
    EXPECT_EQ(tag_of(w.response()), w.tag);
    w.receive(request("INVITE", "3", w.tag, "Content-Type: application/sdp\n\nv=0\nm=audio 1 RTP/AVP 0\n"));
    EXPECT_EQ(w.last_status(), 488);
    EXPECT_EQ(w.core->usages(), 1u);
}

TEST(CoreSession, EndsWhenIdle) {
    Talking w;
    w.advance(599s);
    w.receive(request("INFO", "2", w.tag, "Content-Type: application/xml\n\n<x/>"));
    w.advance(599s);
    EXPECT_EQ(w.count("BYE"), 0u);
    w.advance(1s);
    EXPECT_EQ(w.count("BYE"), 1u);
    EXPECT_TRUE(w.heard("session end 4 0"));
}

// ---- to OCS

struct Calling : World {
    Calling() { usage = core->open_session(u1, alice, "lunch?"); }
    void open() {
        answer("INVITE", 100);
        answer("INVITE", 101);
        answer("INVITE", 180, "Contact: <sip:alice@contoso.com;gruu>\n");
        advance(10s);
        answer("INVITE", 200,
               "Contact: <sip:alice@contoso.com;opaque=user:epid:x;gruu>\n"
               "Record-Route: <sip:sip.contoso.com:5061;transport=tls;lr;ms-fe=x>;tag=3A\n"
               "Content-Type: application/sdp\n\nv=0\nm=message 5060 sip "
               "sip:alice@contoso.com\na=accept-types:text/plain\n");
    }
};

TEST(CoreSession, ToOcs) {  // scenario S5
    Calling w;
    w.core->send_text(w.usage, hi);
    w.core->send_text(w.usage, second);
    const auto& m = w.last("INVITE")->message;
    EXPECT_TRUE(m.body().find("m=message 5060 sip null\r\n") != std::string::npos);
    EXPECT_TRUE(m.header("ms-text-format").empty());
    EXPECT_EQ(m.header(HeaderId::subject), "lunch?");
    EXPECT_EQ(w.count("MESSAGE"), 0u);
    w.open();
    EXPECT_TRUE(w.heard("session open text/plain"));
    const auto& ack = w.last("ACK")->message;
    EXPECT_EQ(ack.header(HeaderId::cseq), "1 ACK");
    EXPECT_EQ(ack.request_uri(), "sip:alice@contoso.com;opaque=user:epid:x;gruu");
    EXPECT_EQ(ack.header(HeaderId::route), "<sip:sip.contoso.com:5061;transport=tls;lr;ms-fe=x>");
    EXPECT_EQ(w.count("MESSAGE"), 1u);  // one at a time, in order
    EXPECT_EQ(w.last("MESSAGE")->message.header(HeaderId::cseq), "2 MESSAGE");
    EXPECT_EQ(w.last("MESSAGE")->message.header(HeaderId::content_type), "text/plain; charset=UTF-8");
    w.answer("MESSAGE", 200);
    EXPECT_EQ(w.last("MESSAGE")->message.body(), "again");
    w.answer("MESSAGE", 415);
    EXPECT_TRUE(w.heard("outcome 415"));  // the text is refused, the session stays
    w.core->send_activity(w.usage, Method::info, {"application/xml", "<KeyboardActivity/>"});
    EXPECT_EQ(w.last("INFO")->message.header(HeaderId::cseq), "4 INFO");
    w.core->close_session(w.usage);
    EXPECT_EQ(w.last("BYE")->message.header(HeaderId::cseq), "5 BYE");
    EXPECT_TRUE(w.heard("session end 5 0"));
    w.settle();
    EXPECT_TRUE(w.rows.empty());
}

TEST(CoreSession, RefusedByThePeer) {
    for (const int status : {404, 480, 486, 488, 606}) {
        Calling w;
        const auto text = w.core->send_text(w.usage, hi);
        w.answer("INVITE", 180);
        w.answer("INVITE", status, "Warning: 309 h \"blocked\"\n");
        EXPECT_EQ(w.last("ACK")->message.header(HeaderId::via), w.last("INVITE")->message.header(HeaderId::via));
        EXPECT_EQ(w.last("ACK")->domain, "contoso.com");
        EXPECT_TRUE(w.heard("session end 0 " + std::to_string(status)));
        EXPECT_EQ(w.last_end.unsent, (std::vector<MessageId>{text}));
        EXPECT_EQ(w.last_end.diagnostics, "Warning: 309 h \"blocked\"");
        EXPECT_EQ(w.core->usages(), 0u);
        EXPECT_EQ(w.core->transactions(), 0u);
    }
}

TEST(CoreSession, NobodyAnswers) {
    Calling silent;
    silent.advance(32s);
    EXPECT_TRUE(silent.heard("session end 0 408"));
    EXPECT_EQ(silent.count("CANCEL"), 0u);  // 9.1: nothing to cancel before a provisional response
    Calling ringing;
    ringing.answer("INVITE", 180);
    ringing.advance(179s);
    EXPECT_EQ(ringing.count("CANCEL"), 0u);
    ringing.advance(1s);
    ASSERT_EQ(ringing.count("CANCEL"), 1u);
    EXPECT_EQ(ringing.last("CANCEL")->message.header(HeaderId::via),
              ringing.last("INVITE")->message.header(HeaderId::via));
    ringing.answer("INVITE", 487);
    EXPECT_TRUE(ringing.heard("session end 0 408"));
}

TEST(CoreSession, ClosedWhileCalling) {
    Calling w;
    w.core->close_session(w.usage);
    EXPECT_EQ(w.count("CANCEL"), 0u);
    w.answer("INVITE", 180);
    EXPECT_EQ(w.count("CANCEL"), 1u);
    w.answer("INVITE", 200, "Contact: <sip:alice@contoso.com>\n");  // crossed it
    EXPECT_EQ(w.count("ACK"), 1u);
    EXPECT_EQ(w.count("BYE"), 1u);
    EXPECT_TRUE(w.heard("session end 5 0"));
    EXPECT_EQ(w.core->usages(), 0u);
}

TEST(CoreSession, ForkedAndRepeatedAnswers) {
    Calling w;
    w.open();
    w.answer("INVITE", 200, "Contact: <sip:alice@contoso.com>\n");
    EXPECT_EQ(w.count("ACK"), 2u);
    EXPECT_EQ(w.count("BYE"), 0u);
    w.answer("INVITE", 200, "Contact: <sip:alice@other.contoso.com>\n", "fork");
    EXPECT_EQ(w.count("ACK"), 3u);
    EXPECT_EQ(w.last("BYE")->message.request_uri(), "sip:alice@other.contoso.com");
    EXPECT_EQ(w.last("BYE")->message.header(HeaderId::to), "<sip:alice@contoso.com>;tag=fork");
    EXPECT_EQ(w.core->usages(), 1u);
}

TEST(CoreSession, ADanglingSessionHandsItsTextsBack) {
    for (const int status : {408, 480, 481}) {
        Calling w;
        w.open();
        const auto first = w.core->send_text(w.usage, hi);
        const auto next = w.core->send_text(w.usage, second);
        w.answer("MESSAGE", status);
        EXPECT_TRUE(w.heard("session end 3 " + std::to_string(status)));
        EXPECT_EQ(w.last_end.unsent, (std::vector<MessageId>{first, next}));
        EXPECT_TRUE(w.last_end.uncertain.empty());
        EXPECT_EQ(w.count("BYE"), 1u);
    }
    Calling silent;
    silent.open();
    const auto first = silent.core->send_text(silent.usage, hi);
    silent.advance(32s);
    EXPECT_TRUE(silent.heard("session end 3 408"));
    EXPECT_EQ(silent.last_end.uncertain, (std::vector<MessageId>{first}));
}

TEST(CoreSession, AByeThatCrossesOurMessage) {
    struct Case {
        std::string why;
        int status;  // 0: no answer
        bool done, unsent, uncertain;
    };
    for (const auto& c : {
             Case{"it was taken", 200, true, false, false},
             Case{"it came too late", 481, false, true, false},
             Case{"it was cut off", 487, false, true, false},
             Case{"nobody says", 0, false, false, true},
         }) {
        SCOPED_TRACE(c.why);
        Calling w;
        w.open();
        const auto text = w.core->send_text(w.usage, hi);
        const auto tag = std::string(parse_name_addr(w.last("MESSAGE")->message.header(HeaderId::from))->tag());
        const auto call_id = std::string(w.last("MESSAGE")->message.header(HeaderId::call_id));
        auto bye = request("BYE", "1", tag, {}, call_id);
        bye.replace(bye.find("753cf74dcb"), 10, "theirs");
        w.receive(bye);
        EXPECT_EQ(w.last_status(), 200);
        EXPECT_FALSE(w.heard("session end 2 0"));
        EXPECT_FALSE(w.core->send_text(w.usage, second));  // nothing more goes into it
        if (c.status != 0)
            w.answer("MESSAGE", c.status);
        else
            w.advance(4s);
        EXPECT_EQ(w.heard("outcome 200"), c.done);
        EXPECT_EQ(w.last_end.why, SessionEnd::Why::bye);
        EXPECT_EQ(w.last_end.unsent == std::vector<MessageId>{text}, c.unsent);
        EXPECT_EQ(w.last_end.uncertain == std::vector<MessageId>{text}, c.uncertain);
        EXPECT_EQ(w.count("BYE"), 0u);
        EXPECT_EQ(w.core->usages(), 0u);
    }
}

TEST(CoreSession, AByeTakesTheNumberBehindTheTextThatWaitsForOne) {
    Calling w;
    w.open();
    for (int number = 2; number <= 64; ++number) {  // the first block
        w.core->send_text(w.usage, hi);
        w.answer("MESSAGE", 200);
    }
    w.core->send_text(w.usage, second);
    w.core->close_session(w.usage);
    w.settle();
    EXPECT_EQ(w.last("MESSAGE")->message.header(HeaderId::cseq), "65 MESSAGE");
    EXPECT_EQ(w.last("BYE")->message.header(HeaderId::cseq), "66 BYE");
    w.answer("MESSAGE", 200);
    EXPECT_TRUE(w.heard("session end 5 0"));
    EXPECT_EQ(w.count("BYE"), 1u);
}

TEST(CoreSession, BothCallAtOnce) {
    Calling w;
    w.receive(invite());
    EXPECT_FALSE(w.heard("session request sip:alice@contoso.com replaces"));
    w.core->accept_session(w.usage);
    w.settle();
    w.receive(request("ACK", "1", tag_of(w.response())));
    EXPECT_EQ(w.core->usages(), 2u);
}

TEST(CoreSession, GoesOnAfterARestart) {
    Talking w;
    const auto restored = w.restart();
    ASSERT_EQ(restored.size(), 1u);
    EXPECT_EQ(restored[0].role, DialogRecord::Role::session);
    w.receive(request("MESSAGE", "2", w.tag, "Content-Type: text/plain\n\nHi"));
    EXPECT_TRUE(w.heard("text Hi"));
    w.core->answer(w.asked, 200);
    EXPECT_EQ(w.last_status(), 200);
    w.core->send_text(restored[0].id, second);
    w.settle();
    EXPECT_EQ(w.last("MESSAGE")->message.header(HeaderId::cseq), "65 MESSAGE");
}

// ---- pager mode

TEST(CorePager, BothWays) {
    World w;
    w.receive(request("MESSAGE", "1", {}, "Content-Type: text/plain\n\nHi"));
    EXPECT_TRUE(w.heard("text Hi pager"));
    w.receive(request("MESSAGE", "1", {}, "Content-Type: text/plain\n\nHi"), LinkId{9});  // again, by another link
    EXPECT_EQ(w.log.size(), 1u);
    w.core->answer(w.asked, 503, 10s);
    EXPECT_EQ(w.sent.back().link, LinkId{9});
    EXPECT_EQ(w.response().header(HeaderId::retry_after), "10");
    EXPECT_FALSE(tag_of(w.response()).empty());
    w.receive(request("MESSAGE", "2", {}, "Content-Type: text/plain\n\nHi"));
    w.core->answer(w.asked, 403, {}, "not from there");
    EXPECT_EQ(w.last_status(), 403);
    EXPECT_EQ(w.response().header(HeaderId::warning), "399 parley \"not from there\"");  // RFC 3261 20.43

    w.core->send_pager(u1, alice, hi);
    const auto& m = w.last("MESSAGE")->message;
    EXPECT_FALSE(m.has(HeaderId::contact));
    EXPECT_EQ(m.body(), "Hi");
    w.answer("MESSAGE", 202);
    EXPECT_TRUE(w.heard("outcome 202"));
    w.core->send_pager(u1, alice, hi);
    w.core->on_send_failed(w.last("MESSAGE")->id);
    EXPECT_TRUE(w.heard("outcome 503 local never sent"));
    w.core->send_pager(u1, alice, hi);
    w.core->on_sent(w.last("MESSAGE")->id, LinkId{3});
    w.core->on_link_down(LinkId{3});
    EXPECT_TRUE(w.heard("outcome 503 local"));
    EXPECT_EQ(w.core->usages(), 0u);
    EXPECT_EQ(w.core->transactions(), 0u);
}

TEST(CorePager, ANamedTextIsTheSameAgain) {
    const auto ids = [](World& w, std::string name) {
        w.core->send_pager(u1, alice, {hi.body, {}, "de", std::move(name)});
        const auto& m = w.last("MESSAGE")->message;
        EXPECT_EQ(m.header("Content-Language"), "de");
        return std::string(m.header(HeaderId::call_id)) + ' ' + std::string(m.header(HeaderId::from)) + ' ' +
               std::string(m.header(HeaderId::cseq));
    };
    World before, after{2};
    const auto first = ids(before, "one");
    EXPECT_EQ(ids(after, "one"), first);
    EXPECT_NE(ids(after, "two"), first);
    EXPECT_NE(ids(after, {}), ids(after, {}));
    EXPECT_NE(before.last("MESSAGE")->message.header(HeaderId::via),
              after.last("MESSAGE")->message.header(HeaderId::via));
}

// ---- RFC 4475 3.2 and 3.3: what the core says to the messages that the codec accepts, and to those it does not

TEST(CoreTorture, Answers) {
    struct Case {
        std::string_view name;
        int status;  // 0: nothing is sent
        std::string_view phrase = {};
    };
    for (const auto& c : {
             Case{"intmeth", 501},
             Case{"escnull", 405},
             Case{"esc02", 501},
             Case{"lwsdisp", 200},
             Case{"longreq", 488},  // a call
             Case{"unreason", 0},
             Case{"noreason", 0},
             Case{"badinv01", 400, "Bad Via"},
             Case{"scalar02", 400, "Bad CSeq"},
             Case{"badvers", 505},
             Case{"mismatch02", 400, "CSeq Method Mismatch"},
             Case{"badbranch", 200},
             Case{"insuf", 400, "Missing From"},
             Case{"unkscm", 416},
             Case{"novelsc", 416},
             Case{"unksm2", 405},
             Case{"bext01", 420},
             Case{"invut", 415},
             Case{"regaut01", 405},
             Case{"multi01", 400, "Repeated From"},
             Case{"bcast", 0},
             Case{"zeromf", 200},  // we are where it was going
             Case{"cparam01", 405},
             Case{"regescrt", 405},
             Case{"sdp01", 406},
             Case{"semiuri", 200},
             Case{"transports", 200},
         }) {
        SCOPED_TRACE(c.name);
        World w;
        auto parsed = parse_message(test::load_torture(c.name) + (c.name == "multi01" ? "\r\n" : ""));
        ASSERT_TRUE(parsed);
        w.core->on_message(LinkId{1}, *std::move(parsed));
        EXPECT_EQ(w.sent.size(), c.status == 0 ? 0u : 1u);
        EXPECT_EQ(w.last_status(), c.status);
        if (!c.phrase.empty()) {
            EXPECT_EQ(w.response().reason_phrase(), c.phrase);
        }
        EXPECT_EQ(w.core->usages(), 0u);
    }
    World w;
    Framer framer;
    const auto bytes = test::load_torture("ncl");
    framer.feed(bytes);
    const auto item = framer.next();
    w.core->on_broken(LinkId{1}, item.bytes, item.problem);
    EXPECT_EQ(w.last_status(), 400);
}

}  // namespace
}  // namespace parley::sip
