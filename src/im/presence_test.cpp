#include "im/presence.hpp"

#include <gtest/gtest.h>

#include "xml/parser.hpp"
#include "xmpp/ns.hpp"

namespace parley::im {
namespace {

xmpp::Stanza stanza(std::string_view text) {
    auto element = xml::parse_document(text);
    EXPECT_TRUE(element) << text;
    return *xmpp::Stanza::decode(*std::move(element));
}
xmpp::Jid jid(std::string_view text) {
    return *xmpp::Jid::parse(text);
}

TEST(Presence, IsReadAndNamed) {  // RFC 6121 4.7.2, requirements E
    struct Case {
        std::string_view children;
        Availability availability;
        int priority = 0;
        std::string_view status = "";
    };
    for (const auto& c : {
             Case{"", Availability::available},
             Case{"<show>chat</show>", Availability::available},
             Case{"<show>away</show>", Availability::away},
             Case{"<show>xa</show>", Availability::extended_away},
             Case{"<show>dnd</show><status>Wooing</status><priority>5</priority>", Availability::do_not_disturb, 5,
                  "Wooing"},
             Case{"<show>away</show><busy xmlns='urn:parley:presence:0'/>", Availability::busy},
             Case{"<show>dnd</show><busy xmlns='urn:parley:presence:0'/>", Availability::do_not_disturb},
             Case{"<show>away</show><idle xmlns='urn:xmpp:idle:1' since='1969-07-21T02:56:15Z'/>", Availability::idle},
             Case{"<idle xmlns='urn:xmpp:idle:1' since='1969-07-21T02:56:15Z'/>", Availability::available},
             Case{"<show>away</show><idle xmlns='urn:xmpp:idle:1' since='yesterday'/>", Availability::away},
             Case{"<show>gone fishing</show>", Availability::available},
             Case{"<priority>-128</priority>", Availability::available, -128},
             Case{"<priority> 7 </priority>", Availability::available, 7},
             Case{"<priority>128</priority>", Availability::available, 0},
             Case{"<priority>high</priority>", Availability::available, 0},
         }) {
        SCOPED_TRACE(c.children);
        const auto presence =
            presence_of(stanza("<presence xmlns='jabber:client'>" + std::string(c.children) + "</presence>"));
        EXPECT_EQ(to_string(availability(presence)), to_string(c.availability));
        EXPECT_EQ(presence.priority, c.priority);
        EXPECT_EQ(presence.status_text, c.status);
        xmpp::Stanza again;
        again.kind = xmpp::Stanza::Kind::presence;
        encode_into(again, presence);
        EXPECT_TRUE(presence_of(again) == presence);
    }
    const auto gone = presence_of(
        stanza("<presence xmlns='jabber:client' type='unavailable'><show>dnd</show><status>Bye</status></presence>"));
    EXPECT_EQ(availability(gone), Availability::offline);
    EXPECT_EQ(gone.status_text, "Bye");
}

TEST(Presence, OneValueForAllResources) {
    const auto at = [](int priority, std::optional<Show> show, bool busy = false, bool idle = false) {
        Presence p;
        p.available = true;
        p.priority = priority;
        p.show = show;
        p.busy = busy;
        if (idle) p.idle_since = TimePoint{};
        return p;
    };
    struct Case {
        std::string_view why;
        std::vector<Presence> resources;
        Availability availability;
    };
    for (const auto& c : {
             Case{"nothing", {}, Availability::offline},
             Case{"all gone", {Presence{}, Presence{}}, Availability::offline},
             Case{"one is there", {Presence{}, at(-1, Show::away)}, Availability::away},
             Case{"priority first", {at(1, Show::xa), at(0, std::nullopt)}, Availability::extended_away},
             Case{"chosen before automatic", {at(0, Show::dnd), at(0, std::nullopt)}, Availability::do_not_disturb},
             Case{"busy before available", {at(0, std::nullopt), at(0, Show::away, true)}, Availability::busy},
             Case{"available before idle",
                  {at(0, Show::away, false, true), at(0, std::nullopt)},
                  Availability::available},
             Case{"idle before away", {at(0, Show::away), at(0, Show::away, false, true)}, Availability::idle},
         }) {
        SCOPED_TRACE(c.why);
        EXPECT_EQ(to_string(availability(aggregate(c.resources))), to_string(c.availability));
    }
    auto first = at(0, Show::away), second = first;
    second.status_text = "later";
    EXPECT_EQ(aggregate({first, second}).status_text, "later");
}

Roster roster() {
    Roster made;
    const auto add = [&](std::string_view contact, Subscription subscription, bool pending_in = false) {
        RosterItem item;
        item.contact = jid(contact);
        item.subscription = subscription;
        item.listed = subscription != Subscription::none;
        item.pending_in = pending_in;
        if (pending_in) item.request = "<request of " + std::string(contact) + "/>";
        made.items[item.contact] = item;
    };
    add("both@example.net", Subscription::both);
    add("from@example.net", Subscription::from);
    add("to@example.net", Subscription::to);
    add("asks@example.net", Subscription::none, true);
    return made;
}

TEST(Probe, IsAnsweredByWhoMaySee) {  // 4.3.2
    using Kind = ProbeAnswer::Kind;
    const auto contacts = roster();
    const auto bare = jid("juliet@example.com"), full = jid("juliet@example.com/balcony"),
               other = jid("juliet@example.com/crypt");
    const std::vector<std::string> two{"balcony", "chamber"};
    const auto item = [&](std::string_view contact) { return contacts.find(jid(contact)); };
    EXPECT_EQ(answer_probe(false, nullptr, false, bare, {}), (ProbeAnswer{Kind::unsubscribed, {}}));
    EXPECT_EQ(answer_probe(true, nullptr, false, bare, two), (ProbeAnswer{Kind::unsubscribed, {}}));
    EXPECT_EQ(answer_probe(true, item("to@example.net"), false, bare, two), (ProbeAnswer{Kind::unsubscribed, {}}));
    EXPECT_EQ(answer_probe(true, item("asks@example.net"), false, bare, two), (ProbeAnswer{Kind::ignore, {}}));
    EXPECT_EQ(answer_probe(true, item("from@example.net"), false, bare, two), (ProbeAnswer{Kind::presence, two}));
    EXPECT_EQ(answer_probe(true, item("both@example.net"), false, bare, {}), (ProbeAnswer{Kind::unavailable, {}}));
    EXPECT_EQ(answer_probe(true, item("both@example.net"), false, full, two),
              (ProbeAnswer{Kind::presence, {"balcony"}}));
    EXPECT_EQ(answer_probe(true, item("both@example.net"), false, other, two), (ProbeAnswer{Kind::unavailable, {}}));
    EXPECT_EQ(answer_probe(true, nullptr, true, bare, two), (ProbeAnswer{Kind::presence, two}));
}

}  // namespace
}  // namespace parley::im
