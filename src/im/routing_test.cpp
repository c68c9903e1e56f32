#include "im/routing.hpp"

#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "xmpp/ns.hpp"

namespace parley::im {
namespace {

using Names = std::vector<std::string>;
using Kind = xmpp::Stanza::Kind;

const xmpp::Jid bare = *xmpp::Jid::parse("juliet@example.com");
const xmpp::Jid full = *xmpp::Jid::parse("juliet@example.com/balcony");
const xmpp::Jid no_match = *xmpp::Jid::parse("juliet@example.com/crypt");

xmpp::Stanza stanza(Kind kind, std::string_view type, const xmpp::Jid& to, bool with_body = true) {
    xmpp::Stanza s;
    s.kind = kind;
    s.type = type;
    s.from = *xmpp::Jid::parse("romeo@example.net/orchard");
    s.to = to;
    if (kind == Kind::message && with_body) s.add(xml::Element(xmpp::ns::client, "body").with_text("Hi"));
    return s;
}

// In one word: names joined by '+', or what else happens to the stanza.
std::string told(const RoutingDecision& decision) {
    std::string text;
    for (const auto& name : decision.deliver) text += (text.empty() ? "" : "+") + name;
    for (const auto& name : decision.copy) text += (text.empty() ? "copy:" : "+copy:") + name;
    if (decision.store) text += "store";
    if (decision.handle) text += "handle";
    if (decision.error) text += decision.error->condition;
    return text.empty() ? "ignore" : text;
}

const Recipient nobody{};
const Recipient offline{true, {}};
const Recipient negative{true, {{"balcony", true, -1, false}}};
const Recipient one{true, {{"balcony", true, 0, false}}};
const Recipient two{true, {{"balcony", true, 5, false}, {"chamber", true, 0, false}, {"garden", true, -1, false}}};

TEST(Routing, Rfc6121Table1) {  // 8.5.4; where it gives two letters, ours is the one asserted here
    struct Row {
        std::string_view condition;
        const Recipient& recipient;
        const xmpp::Jid& to;
        std::string_view normal, chat, groupchat, headline;
    };
    constexpr std::string_view E = "service-unavailable", S = "ignore", O = "store";
    for (const auto& row : {
             Row{"account does not exist: bare", nobody, bare, E, E, E, S},
             Row{"account does not exist: full", nobody, full, E, E, E, S},
             Row{"no active resources: bare", offline, bare, O, O, E, S},
             Row{"no active resources: full, no match", offline, no_match, E, O, E, S},
             Row{"1+ negative, 0 non-negative: bare", negative, bare, O, O, E, S},
             Row{"1+ negative, 0 non-negative: full, match", negative, full, "balcony", "balcony", "balcony",
                 "balcony"},
             Row{"1+ negative, 0 non-negative: full, no match", negative, no_match, E, O, E, S},
             Row{"1 non-negative: bare", one, bare, "balcony", "balcony", E, "balcony"},
             Row{"1 non-negative: full, match", one, full, "balcony", "balcony", "balcony", "balcony"},
             Row{"1 non-negative: full, no match", one, no_match, E, "balcony", E, S},
             Row{"1+ non-negative: bare", two, bare, "balcony+chamber", "balcony+chamber", E, "balcony+chamber"},
             Row{"1+ non-negative: full, match", two, full, "balcony", "balcony", "balcony", "balcony"},
             Row{"1+ non-negative: full, no match", two, no_match, E, "balcony+chamber", E, S},
         }) {
        const auto check = [&](std::string_view type, std::string_view expected) {
            SCOPED_TRACE(std::string(row.condition) + ", " + std::string(type));
            EXPECT_EQ(told(route(stanza(Kind::message, type, row.to), row.to, row.recipient)), expected);
        };
        check("normal", row.normal);
        check("", row.normal);
        check("chat", row.chat);
        check("groupchat", row.groupchat);
        check("headline", row.headline);
    }
}

TEST(Routing, ErrorsAreNeverAnswered) {  // 8.5.2.1.1, 8.5.3.2.1
    for (const auto* recipient : {&nobody, &offline, &negative, &one, &two}) {
        EXPECT_EQ(told(route(stanza(Kind::message, "error", bare), bare, *recipient)), "ignore");
        EXPECT_EQ(told(route(stanza(Kind::message, "error", no_match), no_match, *recipient)), "ignore");
    }
    EXPECT_EQ(told(route(stanza(Kind::message, "error", full), full, one)), "balcony");
}

TEST(Routing, WhatIsNotWorthStoringIsDropped) {  // XEP-0160
    EXPECT_EQ(told(route(stanza(Kind::message, "chat", bare, false), bare, offline)), "ignore");
    EXPECT_EQ(told(route(stanza(Kind::message, "chat", no_match, false), no_match, negative)), "ignore");
}

TEST(Routing, AResourceThatHasSentNoPresenceIsReachedByItsFullJidOnly) {  // 8.5.3.1
    const Recipient connected{true, {{"balcony", false, 0, false}}};
    EXPECT_EQ(told(route(stanza(Kind::message, "chat", full), full, connected)), "balcony");
    EXPECT_EQ(told(route(stanza(Kind::message, "chat", bare), bare, connected)), "store");
    EXPECT_EQ(told(route(stanza(Kind::iq, "get", full), full, connected)), "balcony");
    EXPECT_EQ(told(route(stanza(Kind::presence, "", bare), bare, connected)), "ignore");
    EXPECT_EQ(told(route(stanza(Kind::presence, "", full), full, connected)), "balcony");
}

TEST(Routing, CarbonsGoToWhoDidNotGetTheMessage) {  // XEP-0280 7
    const Recipient carbons{
        true,
        {{"balcony", true, 0, true}, {"chamber", true, 0, true}, {"garden", true, -1, true}, {"hall", true, 0, false}}};
    EXPECT_EQ(told(route(stanza(Kind::message, "chat", full), full, carbons)), "balcony+copy:chamber+copy:garden");
    EXPECT_EQ(told(route(stanza(Kind::message, "chat", bare), bare, carbons)), "balcony+chamber+hall+copy:garden");
    EXPECT_EQ(told(route(stanza(Kind::message, "groupchat", full), full, carbons)), "balcony");
    EXPECT_EQ(told(route(stanza(Kind::message, "headline", bare), bare, carbons)), "balcony+chamber+hall");
    auto secret = stanza(Kind::message, "chat", full);
    secret.add(xml::Element(xmpp::ns::carbons, "private"));
    EXPECT_EQ(told(route(secret, full, carbons)), "balcony");
}

TEST(Routing, Presence) {
    struct Row {
        std::string_view type;
        const xmpp::Jid& to;
        const Recipient& recipient;
        std::string_view expected;
    };
    for (const auto& row : {
             Row{"", bare, two, "balcony+chamber+garden"},  // 8.5.2.1.2
             Row{"unavailable", bare, two, "balcony+chamber+garden"},
             Row{"error", bare, two, "balcony+chamber+garden"},
             Row{"", full, two, "balcony"},  // 8.5.3.1
             Row{"unavailable", full, two, "balcony"},
             Row{"", no_match, two, "ignore"},  // 8.5.3.2.2
             Row{"", bare, offline, "ignore"},  // 8.5.2.2.2
             Row{"", bare, nobody, "ignore"},   // 8.5.1
             Row{"subscribe", bare, nobody, "ignore"},
             Row{"probe", bare, nobody, "handle"},
             Row{"subscribe", bare, offline, "handle"},  // 3.1.3
             Row{"subscribed", full, two, "handle"},
             Row{"unsubscribe", bare, two, "handle"},
             Row{"unsubscribed", bare, two, "handle"},
             Row{"probe", bare, two, "handle"},  // 4.3.2
             Row{"probe", full, offline, "handle"},
         }) {
        SCOPED_TRACE(std::string(row.type) + " to " + row.to.to_string());
        EXPECT_EQ(told(route(stanza(Kind::presence, row.type, row.to), row.to, row.recipient)), row.expected);
    }
}

TEST(Routing, Iq) {
    struct Row {
        std::string_view type;
        const xmpp::Jid& to;
        const Recipient& recipient;
        std::string_view expected;
    };
    for (const auto& row : {
             Row{"get", bare, two, "handle"},      // 8.5.2.1.3
             Row{"set", bare, offline, "handle"},  // 8.5.2.2.3
             Row{"result", bare, two, "handle"},
             Row{"get", full, two, "balcony"},  // 8.5.3.1
             Row{"result", full, two, "balcony"},
             Row{"error", full, negative, "balcony"},
             Row{"get", no_match, two, "service-unavailable"},  // 8.5.3.2.3
             Row{"set", no_match, offline, "service-unavailable"},
             Row{"result", no_match, two, "ignore"},
             Row{"error", no_match, two, "ignore"},
             Row{"get", bare, nobody, "service-unavailable"},  // 8.5.1
             Row{"set", full, nobody, "service-unavailable"},
             Row{"result", bare, nobody, "ignore"},
             Row{"error", full, nobody, "ignore"},
         }) {
        SCOPED_TRACE(std::string(row.type) + " to " + row.to.to_string());
        EXPECT_EQ(told(route(stanza(Kind::iq, row.type, row.to), row.to, row.recipient)), row.expected);
    }
}

}  // namespace
}  // namespace parley::im
