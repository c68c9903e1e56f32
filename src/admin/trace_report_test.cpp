#include "admin/trace_report.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "admin/control_protocol.hpp"

namespace parley::admin {
namespace {

using im::TraceEvent;
using Way = TraceEvent::Way;

TraceEvent event(int at_ms, Way way, std::string protocol, std::string from, std::string to, std::string what) {
    TraceEvent out;
    out.at = TimePoint(Millis(1'700'000'000'000 + at_ms));
    out.way = way;
    out.protocol = std::move(protocol);
    out.from = std::move(from);
    out.to = std::move(to);
    out.what = std::move(what);
    return out;
}

TraceReport report() {
    TraceReport out;
    out.traces.push_back({3, "alice@example.com", "bob@partner.example", true, true,
                          TimePoint(Millis(1'700'000'000'000)), TimePoint(Millis(1'700'000'300'000)), 4, 0});
    auto in = event(1'002, Way::from_user, "XMPP", "alice@example.com/desk", "bob@partner.example", "message chat");
    in.facts = {{"id", "m1"}, {"holds", "body active"}};
    in.body = "two\nlines; #1";
    in.body_bytes = 13;
    in.group = 1;
    TraceEvent step;
    step.at = in.at + Millis(1);
    step.what = "outbox";
    step.facts = {{"row", "17"}};
    step.group = 1;
    auto sip = event(1'004, Way::to_partner, "SIP", "alice@example.com", "bob@partner.example", "MESSAGE");
    sip.facts = {{"call-id", "abc"}, {"cseq", "1 MESSAGE"}};
    sip.body_bytes = 13;
    sip.group = 1;
    const auto answer =
        event(1'032, Way::from_partner, "SIP", "bob@partner.example", "alice@example.com", "200 MESSAGE");
    out.events = {in, step, sip, answer};
    return out;
}

TEST(TraceReport, ReadsAsALadder) {
    EXPECT_EQ(
        ladder_of(report(), Language::english),
        "trace 3: alice@example.com with bob@partner.example, from 2023-11-14 22:13:20 to 2023-11-14 22:18:20 UTC, "
        "running; events: 4; texts are recorded, shown with --bodies\n"
        "22:13:21.002  #1  alice@example.com/desk --> o                        "
        " XMPP message chat  to=bob@partner.example  id=m1  holds=\"body active\"\n"
        "                                             |      > two\n"
        "                                             |      > lines; #1\n"
        "22:13:21.003  #1                             |     on disk, in the outbox: row 17\n"
        "22:13:21.004  #1                             o --> bob@partner.example"
        " SIP MESSAGE  from=alice@example.com  call-id=abc  cseq=\"1 MESSAGE\"  (13 bytes)\n"
        "22:13:21.032                                 o <-- bob@partner.example"
        " SIP 200 MESSAGE  to=alice@example.com\n");
}

TEST(TraceReport, SaysWhatIsNotThere) {
    auto none = report();
    none.events.clear();
    none.traces.front().dropped = 7;
    const auto text = ladder_of(none, Language::english);
    EXPECT_NE(text.find("7 earlier events have made room"), std::string::npos) << text;
    EXPECT_NE(text.find("nothing has passed yet"), std::string::npos) << text;
}

TEST(TraceReport, IsADiagramOfMermaid) {
    EXPECT_EQ(mermaid_of(report(), Language::english),
              "sequenceDiagram\n"
              "    participant U1 as alice@example.com/desk\n"
              "    participant parley\n"
              "    participant P2 as bob@partner.example\n"
              "    U1->>parley: [1] XMPP message chat  to=bob@partner.example  id=m1  holds=\"body active\": "
              "two lines#59; #35;1\n"
              "    Note over parley: [1] on disk, in the outbox: row 17\n"
              "    parley->>P2: [1] SIP MESSAGE  from=alice@example.com  call-id=abc  cseq=\"1 MESSAGE\"  (13 bytes)\n"
              "    P2->>parley: SIP 200 MESSAGE  to=alice@example.com\n");
}

TEST(TraceReport, GoesOverTheSocketAsItIs) {
    auto response = Response::of(Outcome::done, {"act.trace-shown", {"3", "alice@example.com"}}, report());
    response.id = 4;
    const auto line = encode(response);
    const auto back = decode_response(line);
    ASSERT_TRUE(back) << back.error().detail;
    EXPECT_EQ(std::get<TraceReport>(back->payload), report());
}

TEST(TraceReport, RefusesWhatIsNone) {
    for (const char* text : {R"({"traces":[]})", R"({"traces":[1],"events":[]})", R"({"traces":[{}],"events":[]})",
                             R"({"traces":[],"events":[{"at_ms":1}]})",
                             R"({"traces":[],"events":[{"at_ms":1,"group":0,"way":"up","protocol":"","from":"","to":"",
                                 "what":"","facts":{},"body_bytes":0}]})"})
        EXPECT_FALSE(trace_report_from(boost::json::parse(text).as_object())) << text;
}

TEST(TraceReport, ForPeopleHasTheSentences) {
    const auto object = trace_json(report(), Language::japanese);
    const auto& events = object.at("events").as_array();
    EXPECT_EQ(events[1].as_object().at("text").as_string(), "送信箱に保存しました: 行 17");
    EXPECT_EQ(events[0].as_object().at("at").as_string(), "2023-11-14T22:13:21.002Z");
}

// The words of the event points: one without a sentence would be shown as its id.
TEST(TraceReport, EveryStepHasASentence) {
    for (const char* step : {"own-block",
                             "asks-dns",
                             "allowed",
                             "not-allowed",
                             "closed-out",
                             "closed-in",
                             "outbox",
                             "outbox-done",
                             "repeated",
                             "failed",
                             "refused",
                             "unheard",
                             "store-full",
                             "stored",
                             "waits-for-client",
                             "waits-for-user",
                             "confirmed-by-client",
                             "confirmed-by-partner",
                             "waits-for-link",
                             "link-up",
                             "link-in",
                             "link-down",
                             "link-failed",
                             "link-refused",
                             "asks-user",
                             "let-in",
                             "refused-politely",
                             "not-let-in",
                             "blocked",
                             "unblocked",
                             "waits-behind",
                             "again",
                             "waits-for-turn",
                             "watch-ended",
                             "watch-again"})
        EXPECT_TRUE(MessageId::find(std::string("trace.") + step)) << step;
}

}  // namespace
}  // namespace parley::admin
