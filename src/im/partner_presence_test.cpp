#include "im/partner_presence.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "xml/parser.hpp"
#include "xml/writer.hpp"

namespace parley::im {
namespace {

const TimePoint now{Seconds{1'800'000'000}};
constexpr std::string_view idle_now = "<idle xmlns='urn:xmpp:idle:1' since='2027-01-15T08:00:00Z'/>";
constexpr std::string_view idle_since = "<idle xmlns='urn:xmpp:idle:1' since='2026-01-01T10:00:00Z'/>";
constexpr std::string_view busy = "<busy xmlns='urn:parley:presence:0'/>";
constexpr std::string_view mark = "<added-status xmlns='urn:parley:presence:0'/>";
constexpr std::string_view meeting_mark = "<in-meeting xmlns='urn:parley:presence:0'/>";

xmpp::Stanza presence(std::string_view children, std::string_view type = {}) {
    std::string text = "<presence xmlns='jabber:client' from='a@b.example'";
    if (!type.empty()) text.append(" type='").append(type).append("'");
    auto element = xml::parse_document(text.append(">").append(children).append("</presence>"));
    EXPECT_TRUE(element.has_value());
    return *xmpp::Stanza::decode(*std::move(element));
}
std::string text(std::initializer_list<std::string_view> parts) {
    std::string out;
    for (const auto part : parts) out += part;
    return out;
}

struct Written {
    const char* kind;
    std::string ours, written;  // empty `written`: as it is
};

TEST(PartnerPresence, IsWrittenAsThePartnersKindReadsIt) {
    const auto away = text({"<show>away</show>", busy});
    for (const auto& c : {
             Written{"xmpp", "", ""},
             Written{"xmpp", "<show>dnd</show>", ""},
             Written{"xmpp", "<show>xa</show>", ""},
             Written{"xmpp", away, ""},
             Written{"xmpp", text({"<show>away</show>", idle_since}),
                     text({"<show>away</show>", idle_since, "<status>Idle</status>"})},
             Written{"xmpp", text({"<show>away</show><status>Tea</status>", idle_since}),
                     text({"<status>Tea</status>", idle_since, "<show>away</show>"})},
             Written{"xmpp", "<show>away</show><status>Idle</status>",
                     text({"<status>Idle</status><show>away</show>", idle_now})},
             Written{"xmpp", text({"<status>Busy</status>", mark}), "<status>Busy</status>"},
             Written{"parley", text({"<show>away</show>", idle_since}),
                     text({idle_since, "<show>away</show><status>Idle</status>", mark})},
             Written{"parley", "<show>away</show><status>idle</status>",
                     text({"<status>idle</status><show>away</show>", idle_now})},
             Written{"sametime", away, "<show>away</show>"},
             Written{"sametime", "<show>xa</show><status>Tea</status>", "<status>Tea</status><show>away</show>"},
             Written{"webex", away, text({"<show>away</show>", idle_now, "<status>Idle</status>"})},
             Written{"webex", text({"<show>away</show><status>Tea</status>", busy}),
                     text({"<status>Tea</status><show>away</show>", idle_now})},
             Written{"webex", "<show>xa</show>", ""},
         }) {
        SCOPED_TRACE(std::string(c.kind) + ": " + c.ours);
        const auto& kind = xmpp_profile_or_plain(c.kind);
        const auto written = written_for(kind, presence(c.ours), now);
        ASSERT_EQ(written != nullptr, !c.written.empty());
        if (!written) continue;
        auto expected = presence(c.written);
        const auto by_name = [](const xml::Element& a, const xml::Element& b) { return a.name() < b.name(); };
        auto got = *written;
        std::sort(got.children.begin(), got.children.end(), by_name);
        std::sort(expected.children.begin(), expected.children.end(), by_name);
        EXPECT_EQ(xml::to_string(got.encode()), xml::to_string(expected.encode()));
    }
}

TEST(PartnerPresence, WhatIsNoStateIsLeftAlone) {
    const auto& webex = xmpp_profile_or_plain("webex");
    EXPECT_FALSE(written_for(webex, presence("<show>away</show><status>Idle</status>", "unavailable"), now));
    auto message = presence(text({"<show>away</show>", busy}));
    message.kind = xmpp::Stanza::Kind::message;
    EXPECT_FALSE(written_for(webex, message, now));
    EXPECT_FALSE(for_client(message, true, true));
}

TEST(PartnerPresence, MarksFromOutsideAreTakenOff) {
    auto forged = presence(text({"<status>Hello</status>", mark, meeting_mark}));
    mark_arrived(xmpp_profile_or_plain("xmpp"), forged);
    EXPECT_EQ(forged, presence("<status>Hello</status>"));
    auto theirs = presence(text({"<show>away</show><status>Idle</status>", mark, meeting_mark}));
    mark_arrived(xmpp_profile_or_plain("parley"), theirs);
    EXPECT_EQ(theirs, presence(text({"<show>away</show><status>Idle</status>", mark})));
}

TEST(PartnerPresence, AMeetingAtWebExIsAvailableToThirdPartyClients) {
    const auto& webex = xmpp_profile_or_plain("webex");
    auto meeting = presence("<show>away</show><status>In a meeting</status>");
    const auto as_sent = meeting;
    mark_arrived(webex, meeting);
    const auto native = for_client(meeting, true, false), other = for_client(meeting, false, false);
    ASSERT_TRUE(native && other);
    EXPECT_EQ(*native, as_sent);
    EXPECT_EQ(*other, presence("<status>In a meeting</status>"));
    for (const auto* plain : {"<show>away</show><status>Tea</status>", "<status>In a meeting</status>",
                              "<show>dnd</show><status>In a meeting</status>"}) {
        auto stanza = presence(plain);
        mark_arrived(webex, stanza);
        EXPECT_EQ(stanza, presence(plain));
    }
}

TEST(ForClient, ATextThatWasAddedIsForOtherThanNativeClients) {
    const auto marked = presence(text({"<show>away</show>", busy, "<status>Busy</status>", mark}));
    const auto native = for_client(marked, true, false), other = for_client(marked, false, false);
    ASSERT_TRUE(native && other);
    EXPECT_EQ(*native, presence(text({"<show>away</show>", busy})));
    EXPECT_EQ(*other, presence(text({"<show>away</show>", busy, "<status>Busy</status>"})));
}

TEST(ForClient, OneOfOursWhoIsIdleReadsSoEverywhere) {
    const auto idle = presence(text({"<show>away</show>", idle_since}));
    EXPECT_FALSE(for_client(idle, true, true));
    EXPECT_FALSE(for_client(idle, false, false)) << "what partners write is theirs";
    const auto read = for_client(idle, false, true);
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, presence(text({"<show>away</show>", idle_since, "<status>Idle</status>"})));
}

TEST(ForClient, ATextOfTheContactStaysAsItIs) {
    for (const bool local : {true, false}) {
        EXPECT_FALSE(for_client(presence("<show>away</show><status>Back at 5</status>"), true, local));
        EXPECT_FALSE(for_client(presence(text({"<show>away</show><status>Tea</status>", idle_since})), false, local));
        EXPECT_FALSE(for_client(presence(""), false, local));
        EXPECT_FALSE(for_client(presence(idle_since), false, local)) << "somebody who is available";
    }
}

TEST(XmppProfile, ReleasesAreComparedByTheirNumbers) {
    for (const auto* of_seven : {"7", "7.0.4", "7 SU1"}) EXPECT_TRUE(is_of_release(of_seven, "7")) << of_seven;
    for (const auto* other : {"70", "8.7", "", "07", "17.7"}) EXPECT_FALSE(is_of_release(other, "7")) << other;
    EXPECT_FALSE(is_of_release("7", ""));
}

}  // namespace
}  // namespace parley::im
