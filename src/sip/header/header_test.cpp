#include <gtest/gtest.h>

#include "sip/header/content_type.hpp"
#include "sip/header/diagnostics.hpp"
#include "sip/header/event.hpp"
#include "sip/header/name_addr.hpp"
#include "sip/header/numbers.hpp"
#include "sip/header/subscription_state.hpp"
#include "sip/header/tokens.hpp"
#include "sip/header/via.hpp"

namespace parley::sip {
namespace {

TEST(NameAddr, Parses) {
    struct Case {
        std::string_view text, display, uri, tag, params;
        bool valid = true;
    };
    for (const auto& c : {
             Case{"<sip:a@b>", "", "sip:a@b", "", ""},
             Case{"sip:a@b;tag=1;epid=ce4c", "", "sip:a@b", "1", ";tag=1;epid=ce4c"},
             Case{"<sip:a@b;lr>;tag=1", "", "sip:a@b;lr", "1", ";tag=1"},
             Case{"\"Alice\"<sip:a@b>;epid=x;tag=2", "Alice", "sip:a@b", "2", ";epid=x;tag=2"},
             Case{"\"a \\\"b\\\" <c>\" <sip:a@b>", "a \"b\" <c>", "sip:a@b", "", ""},
             Case{"A. Bell <sip:a@b>", "A. Bell", "sip:a@b", "", ""},
             Case{"J\xc3\xbcrgen <sip:a@b>", "J\xc3\xbcrgen", "sip:a@b", "", ""},
             Case{"\"\xff\" <sip:a@b>", "", "sip:a@b", "", ""},  // not UTF-8: not for people
             Case{"<sip:a@b>;x=\"1;tag=2\";tag=3", "", "sip:a@b", "3", ";x=\"1;tag=2\";tag=3"},
             Case{"<sip:a@b", {}, {}, {}, {}, false},
             Case{"\"a <sip:a@b>", {}, {}, {}, {}, false},
             Case{"\"a\" sip:a@b", {}, {}, {}, {}, false},
             Case{"<sip:a@b> x", {}, {}, {}, {}, false},
             Case{"<sip:a@b>;", {}, {}, {}, {}, false},
             Case{"<sip:a@b>, <sip:c@d>", {}, {}, {}, {}, false},
             Case{"sip:a@b?x=y", {}, {}, {}, {}, false},
             Case{"< sip:a@b >", {}, {}, {}, {}, false},
             Case{"Bell, A <sip:a@b>", {}, {}, {}, {}, false},
             Case{"", {}, {}, {}, {}, false},
         }) {
        SCOPED_TRACE(c.text);
        const auto address = parse_name_addr(c.text);
        ASSERT_EQ(address.has_value(), c.valid);
        if (!c.valid) continue;
        EXPECT_EQ(address->display_text(), c.display);
        EXPECT_EQ(address->uri.text(), c.uri);
        EXPECT_EQ(address->tag(), c.tag);
        EXPECT_EQ(address->params.text(), c.params);
        EXPECT_EQ(parse_name_addr(address->to_string())->to_string(), address->to_string());
    }
}

TEST(Via, Parses) {
    const auto via = parse_via("SIP/2.0/TLS 203.0.113.7:4231;branch=z9hG4bK0D6A9383.D119DEC5;branched=FALSE");
    ASSERT_TRUE(via);
    EXPECT_EQ(via->transport, "TLS");
    EXPECT_EQ(via->host, "203.0.113.7");
    EXPECT_EQ(via->port, 4231);
    EXPECT_EQ(via->branch(), "z9hG4bK0D6A9383.D119DEC5");
    EXPECT_TRUE(via->has_rfc3261_branch());
    EXPECT_FALSE(parse_via("SIP/2.0/TLS h;ms-received-cid=67F00")->has_rfc3261_branch());
    EXPECT_EQ(parse_via("SIP/2.0/UDP [::1] : 5060 ; rport")->host, "[::1]");
    for (const auto bad : {"", "SIP/2.0", "SIP/2.0/UDP", "SIP/2.0/UDPh", "SIP/2.0/UDP h:x",
                           "SIP/2.0/UDP h;branch=", "SIP/2.0/UDP [::1", "SIP/2.0/UDP a, SIP/2.0/UDP b"})
        EXPECT_FALSE(parse_via(bad)) << bad;
}

TEST(SubscriptionState, Parses) {
    using Value = SubscriptionState::Value;
    const auto active = parse_subscription_state("active;expires=29087");
    ASSERT_TRUE(active);
    EXPECT_EQ(active->value, Value::active);
    EXPECT_EQ(active->expires, Seconds{29087});
    const auto gone = parse_subscription_state("Terminated ; Reason=Rejected;retry-after=5");
    ASSERT_TRUE(gone);
    EXPECT_EQ(gone->value, Value::terminated);
    EXPECT_EQ(gone->reason, "rejected");
    EXPECT_EQ(gone->retry_after, Seconds{5});
    EXPECT_EQ(parse_subscription_state("waiting;expires=9")->value, Value::pending);
    EXPECT_FALSE(parse_subscription_state(";expires=9"));
    EXPECT_FALSE(parse_subscription_state("active expires=9"));
    EXPECT_EQ(active->to_string(), "active;expires=29087");
    EXPECT_EQ(gone->to_string(), "terminated;reason=rejected;retry-after=5");
}

TEST(SmallHeaders, Parse) {
    EXPECT_EQ(*parse_event("presence;id=7"), (Event{"presence", "7"}));
    EXPECT_EQ(*parse_event(" presence "), (Event{"presence", ""}));
    EXPECT_FALSE(parse_event(";id=7"));
    EXPECT_TRUE(parse_content_type("Text/Plain; charset=UTF-8;msgr=WAAt")->is("text/plain"));
    EXPECT_EQ(parse_content_type("application/sdp;call-type=im")->params.get("call-type"), "im");
    EXPECT_FALSE(parse_content_type("text"));
    EXPECT_EQ(parse_delta("3600"), Seconds{3600});
    EXPECT_EQ(parse_delta("99999999999999999999"), Seconds{0xffffffff});
    EXPECT_FALSE(parse_delta("-1"));
    EXPECT_FALSE(parse_delta(""));
    EXPECT_EQ(parse_retry_after("120 (in a meeting);duration=60"), Seconds{120});
    EXPECT_EQ(parse_max_forwards("0068"), 68);
    EXPECT_FALSE(parse_max_forwards("300"));
    EXPECT_TRUE(is_sip_date("Sat, 13 Nov 2010 23:29:00 GMT"));
    EXPECT_FALSE(is_sip_date("Sat, 13 Nox 2010 23:29:00 GMT"));
}

TEST(Lists, SpreadOverLines) {
    auto message = Message::response(200, {});
    message.add(HeaderId::supported, "com.microsoft.autoextend");
    message.add(HeaderId::supported, "MS-benotify, ,timer");
    EXPECT_EQ(list_values(message, HeaderId::supported),
              (std::vector<std::string>{"com.microsoft.autoextend", "ms-benotify", "timer"}));
    EXPECT_TRUE(list_has(message, HeaderId::supported, "ms-benotify"));
    EXPECT_FALSE(list_has(message, HeaderId::require, "ms-benotify"));
    EXPECT_EQ(split_list("<sip:a,b>;x=\"1,2\", c").size(), 2u);
}

TEST(Diagnostics, AreGathered) {
    auto message = Message::response(504, {});
    message.add(HeaderId::ms_diagnostics_public, "1009;reason=\"No match\"");
    message.add(HeaderId::warning, "309 h \"blocked\"");
    EXPECT_EQ(diagnostics_of(message), "ms-diagnostics-public: 1009;reason=\"No match\"; Warning: 309 h \"blocked\"");
}

}  // namespace
}  // namespace parley::sip
