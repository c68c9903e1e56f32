#include <gtest/gtest.h>

#include "xml/parser.hpp"
#include "xml/writer.hpp"
#include "xmpp/payload/carbons.hpp"
#include "xmpp/payload/chat_state.hpp"
#include "xmpp/payload/datetime.hpp"
#include "xmpp/payload/delay.hpp"
#include "xmpp/payload/entity_time.hpp"
#include "xmpp/payload/forwarded.hpp"
#include "xmpp/payload/idle.hpp"
#include "xmpp/payload/ping.hpp"
#include "xmpp/payload/receipt.hpp"
#include "xmpp/payload/software_version.hpp"
#include "xmpp/payload/stanza_id.hpp"
#include "xmpp/payload/stream_management.hpp"

namespace parley::xmpp {
namespace {

using namespace std::chrono_literals;

xml::Element element(std::string_view text) {
    auto parsed = xml::parse_document(text);
    EXPECT_TRUE(parsed) << text;
    return parsed ? *std::move(parsed) : xml::Element();
}

Jid jid(std::string_view text) {
    return *Jid::parse(text);
}

TimePoint at(int year, unsigned month, unsigned day, Millis rest) {
    return TimePoint(std::chrono::sys_days(std::chrono::year(year) / static_cast<int>(month) / static_cast<int>(day))) +
           rest;
}

// The example decodes to the value, the value encodes to what decodes to the value.
template <class T>
void round_trip(std::string_view example, const T& value) {
    SCOPED_TRACE(example);
    const auto decoded = decode<T>(element(example));
    ASSERT_TRUE(decoded);
    EXPECT_TRUE(*decoded == value);
    const auto again = decode<T>(element(xml::to_string(encode(value))));
    ASSERT_TRUE(again);
    EXPECT_TRUE(*again == value);
}

template <class T>
void refused(std::string_view example) {
    SCOPED_TRACE(example);
    EXPECT_FALSE(decode<T>(element(example)));
}

TEST(Datetime, OfXep0082) {
    struct Case {
        std::string_view text;
        TimePoint time;
        std::string_view printed;
    };
    for (const auto& c : {
             Case{"1969-07-21T02:56:15Z", at(1969, 7, 21, 2h + 56min + 15s), "1969-07-21T02:56:15Z"},  // 3.2, example
             Case{"1969-07-20T21:56:15-05:00", at(1969, 7, 21, 2h + 56min + 15s),
                  "1969-07-21T02:56:15Z"},  // the same moment
             Case{"2002-09-10T23:08:25.5Z", at(2002, 9, 10, 23h + 8min + 25s + 500ms), "2002-09-10T23:08:25.500Z"},
             Case{"2002-09-10T23:08:25.1239Z", at(2002, 9, 10, 23h + 8min + 25s + 123ms), "2002-09-10T23:08:25.123Z"},
             Case{"2016-12-31T23:59:60Z", at(2017, 1, 1, 0ms), "2017-01-01T00:00:00Z"},
             Case{"2024-02-29T00:00:00+09:00", at(2024, 2, 28, 15h), "2024-02-28T15:00:00Z"},
         }) {
        SCOPED_TRACE(c.text);
        const auto time = parse_datetime(c.text);
        ASSERT_TRUE(time);
        EXPECT_EQ(*time, c.time);
        EXPECT_EQ(format_datetime(*time), c.printed);
        EXPECT_EQ(*parse_datetime(c.printed), c.time);
    }
    for (const auto* text :
         {"", "2002-09-10", "2002-09-10T23:08:25", "2002-9-10T23:08:25Z", "2002-13-10T23:08:25Z",
          "2023-02-29T23:08:25Z", "2002-09-10T24:08:25Z", "2002-09-10T23:60:25Z", "2002-09-10T23:08:61Z",
          "2002-09-10T23:08:25.Z", "2002-09-10 23:08:25Z", "2002-09-10T23:08:25z", "2002-09-10T23:08:25Z ",
          "2002-09-10T23:08:25+9:00", "2002-09-10T23:08:25+24:00", "20020910T23:08:25", "-002-09-10T23:08:25Z"})
        EXPECT_FALSE(parse_datetime(text)) << text;
    EXPECT_EQ(format_timezone(-6h), "-06:00");
    EXPECT_EQ(format_timezone(330min), "+05:30");
    EXPECT_EQ(format_timezone(0min), "Z");
    EXPECT_EQ(*parse_timezone("-06:00"), -6h);
}

TEST(Payload, Delay) {  // XEP-0203, examples 1 and 2
    round_trip("<delay xmlns='urn:xmpp:delay' from='capulet.com' stamp='2002-09-10T23:08:25Z'>Offline Storage</delay>",
               Delay{at(2002, 9, 10, 23h + 8min + 25s), jid("capulet.com"), "Offline Storage"});
    round_trip("<delay xmlns='urn:xmpp:delay' from='juliet@capulet.com/balcony' stamp='2002-09-10T23:41:07Z'/>",
               Delay{at(2002, 9, 10, 23h + 41min + 7s), jid("juliet@capulet.com/balcony"), ""});
    round_trip("<delay xmlns='urn:xmpp:delay' stamp='2002-09-10T23:41:07Z' x='y'/>",
               Delay{at(2002, 9, 10, 23h + 41min + 7s), {}, ""});
    refused<Delay>("<delay xmlns='urn:xmpp:delay' from='capulet.com'/>");
    refused<Delay>("<delay xmlns='urn:xmpp:delay' from='@' stamp='2002-09-10T23:41:07Z'/>");
    refused<Delay>("<delay xmlns='jabber:x:delay' stamp='2002-09-10T23:41:07Z'/>");
}

TEST(Payload, SoftwareVersion) {  // XEP-0092, examples 1 and 2
    round_trip("<query xmlns='jabber:iq:version'/>", SoftwareVersion{});
    round_trip(
        "<query xmlns='jabber:iq:version'><name>Exodus</name><version>0.7.0.4</version><os>Windows-XP "
        "5.01.2600</os></query>",
        SoftwareVersion{"Exodus", "0.7.0.4", "Windows-XP 5.01.2600"});
}

TEST(Payload, EntityTime) {  // XEP-0202, example 2
    round_trip("<time xmlns='urn:xmpp:time'><tzo>-06:00</tzo><utc>2006-12-19T17:58:35Z</utc></time>",
               EntityTime{at(2006, 12, 19, 17h + 58min + 35s), -6h});
    refused<EntityTime>("<time xmlns='urn:xmpp:time'/>");
    refused<EntityTime>("<time xmlns='urn:xmpp:time'><tzo>CET</tzo><utc>2006-12-19T17:58:35Z</utc></time>");
}

TEST(Payload, Ping) {
    round_trip("<ping xmlns='urn:xmpp:ping'/>", Ping{});
}  // XEP-0199

TEST(Payload, StanzaIds) {  // XEP-0359, examples 1 and 2
    round_trip(
        "<stanza-id xmlns='urn:xmpp:sid:0' id='5f3dbc5e-e1d3-4077-a492-693f3769c7ad' by='room@muc.example.org'/>",
        StanzaId{"5f3dbc5e-e1d3-4077-a492-693f3769c7ad", jid("room@muc.example.org")});
    round_trip("<origin-id xmlns='urn:xmpp:sid:0' id='de305d54-75b4-431b-adb2-eb6b9e546013'/>",
               OriginId{"de305d54-75b4-431b-adb2-eb6b9e546013"});
    refused<StanzaId>("<stanza-id xmlns='urn:xmpp:sid:0' id='x'/>");
    refused<StanzaId>("<stanza-id xmlns='urn:xmpp:sid:0' by='a.example'/>");
    refused<OriginId>("<origin-id xmlns='urn:xmpp:sid:0'/>");

    Stanza message;  // what a sender forges in our name goes; what others have stamped stays
    message.add(encode(StanzaId{"forged", jid("juliet@example.com")}));
    message.add(encode(StanzaId{"room's", jid("room@muc.example.org")}));
    message.add(element("<stanza-id xmlns='urn:xmpp:sid:0' id='x' by='@'/>"));
    message.add(encode(OriginId{"sender's"}));
    ASSERT_TRUE(has_stanza_id(message, jid("juliet@example.com")));
    remove_stanza_ids(message, jid("juliet@example.com"));
    message.add(encode(StanzaId{"ours", jid("juliet@example.com")}));
    ASSERT_EQ(message.children.size(), 3U);
    EXPECT_EQ(message.children[0].attribute("id"), "room's");
    EXPECT_EQ(message.children[1].attribute("id"), "sender's");
    EXPECT_EQ(message.children[2].attribute("id"), "ours");
}

TEST(Payload, StreamManagement) {  // XEP-0198
    round_trip("<enable xmlns='urn:xmpp:sm:3'/>", SmEnable{});
    round_trip("<enable xmlns='urn:xmpp:sm:3' resume='true'/>", SmEnable{true, {}});
    round_trip("<enable xmlns='urn:xmpp:sm:3' resume='1' max='60'/>", SmEnable{true, 60s});
    round_trip("<enabled xmlns='urn:xmpp:sm:3'/>", SmEnabled{});
    round_trip(
        "<enabled xmlns='urn:xmpp:sm:3' id='some-long-sm-id' location='[2001:41D0:1:A49b::1]:9222' resume='true'/>",
        SmEnabled{"some-long-sm-id", true, {}, "[2001:41D0:1:A49b::1]:9222"});
    round_trip("<r xmlns='urn:xmpp:sm:3'/>", SmRequest{});
    round_trip("<a xmlns='urn:xmpp:sm:3' h='4294967295'/>", SmAck{4294967295});
    round_trip("<resume xmlns='urn:xmpp:sm:3' h='7' previd='some-long-sm-id'/>", SmResume{7, "some-long-sm-id"});
    round_trip("<resumed xmlns='urn:xmpp:sm:3' h='7' previd='some-long-sm-id'/>", SmResumed{7, "some-long-sm-id"});
    round_trip(
        "<failed xmlns='urn:xmpp:sm:3' h='7'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>",
        SmFailed{"item-not-found", 7});
    round_trip("<failed xmlns='urn:xmpp:sm:3'/>", SmFailed{});
    refused<SmAck>("<a xmlns='urn:xmpp:sm:3'/>");
    refused<SmAck>("<a xmlns='urn:xmpp:sm:3' h='-1'/>");
    refused<SmAck>("<a xmlns='urn:xmpp:sm:3' h='4294967296'/>");
    refused<SmResume>("<resume xmlns='urn:xmpp:sm:3' h='7'/>");
    refused<SmResume>("<resume xmlns='urn:xmpp:sm:3' previd='x'/>");
    refused<SmEnable>("<enable xmlns='urn:xmpp:sm:2'/>");
}

TEST(Payload, Receipts) {  // XEP-0184, examples 3 and 4
    round_trip("<request xmlns='urn:xmpp:receipts'/>", ReceiptRequest{});
    round_trip("<received xmlns='urn:xmpp:receipts' id='richard2-4.1.247'/>", Receipt{"richard2-4.1.247"});
}

TEST(Payload, Idle) {  // XEP-0319, example 1
    round_trip("<idle xmlns='urn:xmpp:idle:1' since='1969-07-21T02:56:15Z'/>", Idle{at(1969, 7, 21, 2h + 56min + 15s)});
    refused<Idle>("<idle xmlns='urn:xmpp:idle:1'/>");
}

TEST(Payload, ChatStates) {  // XEP-0085
    for (const auto* word : {"active", "composing", "paused", "inactive", "gone"}) {
        Stanza message;
        message.add(element("<" + std::string(word) + " xmlns='http://jabber.org/protocol/chatstates'/>"));
        const auto state = chat_state(message);
        ASSERT_TRUE(state) << word;
        EXPECT_EQ(to_string(*state), word);
        EXPECT_EQ(encode(*state), message.children.front());
    }
    EXPECT_FALSE(chat_state(Stanza{}));
}

TEST(Payload, Forwarded) {  // XEP-0297, example 1
    const auto example =
        "<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2010-07-10T23:08:25Z'/>"
        "<message xmlns='jabber:client' from='romeo@montague.lit/orchard' to='juliet@capulet.lit' id='0202197' "
        "type='chat'>"
        "<body>Yet I should kill thee with much cherishing.</body><x xmlns='urn:other'/></message></forwarded>";
    const auto forwarded = decode<Forwarded>(element(example));
    ASSERT_TRUE(forwarded);
    EXPECT_EQ(forwarded->stanza.id, "0202197");
    EXPECT_EQ(forwarded->stanza.children.size(), 2U);
    round_trip(example, *forwarded);
    refused<Forwarded>("<forwarded xmlns='urn:xmpp:forward:0'/>");
    refused<Forwarded>(
        "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'/><message "
        "xmlns='jabber:client'/></forwarded>");
    refused<Forwarded>("<forwarded xmlns='urn:xmpp:forward:0'><shout xmlns='jabber:client'/></forwarded>");
}

TEST(Payload, Carbons) {  // XEP-0280, examples of sections 7 and 8
    const auto received = element(
        "<message xmlns='jabber:client' from='romeo@montague.example' to='romeo@montague.example/home' type='chat'>"
        "<received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>"
        "<message xmlns='jabber:client' from='juliet@capulet.example/balcony' to='romeo@montague.example/garden' "
        "type='chat'>"
        "<body>What man art thou that, thus bescreen'd in night, so stumblest on my counsel?</body>"
        "<thread>0e3141cd80894871a68e6fe6b1ec56fa</thread></message></forwarded></received></message>");
    const auto owner = jid("romeo@montague.example/home");
    auto wrapper = *Stanza::decode(received);
    const auto carbon = read_carbon(wrapper, owner);
    ASSERT_TRUE(carbon);
    EXPECT_EQ(carbon->direction, CarbonDirection::received);
    EXPECT_EQ(carbon->message.from, jid("juliet@capulet.example/balcony"));
    const auto copy = carbon_copy(CarbonDirection::received, carbon->message, owner);
    EXPECT_EQ(std::tuple(copy.from, copy.to, copy.type), std::tuple(wrapper.from, wrapper.to, wrapper.type));
    EXPECT_TRUE(read_carbon(copy, owner)->message == carbon->message);

    const auto sent = carbon_copy(CarbonDirection::sent, carbon->message, owner);
    EXPECT_EQ(read_carbon(sent, owner)->direction, CarbonDirection::sent);
    wrapper.from = jid("mallory@montague.example");
    EXPECT_EQ(read_carbon(wrapper, owner).error().code, Errc::forbidden);
    EXPECT_EQ(read_carbon(carbon->message, owner).error().code, Errc::not_found);
}

}  // namespace
}  // namespace parley::xmpp
