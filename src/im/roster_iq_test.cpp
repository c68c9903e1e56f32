#include "im/roster_iq.hpp"

#include <gtest/gtest.h>

#include "xmpp/ns.hpp"

namespace parley::im {
namespace {

using xml::Element;

const xmpp::Jid user = *xmpp::Jid::parse("juliet@example.com");
const xmpp::Jid romeo = *xmpp::Jid::parse("romeo@example.net");

Element item(std::string_view jid) {
    Element element(xmpp::ns::roster, "item");
    element.set("jid", jid);
    return element;
}
Element group(std::string_view name) {
    return Element(xmpp::ns::roster, "group").with_text(name);
}
Element query(std::vector<Element> items) {
    Element element(xmpp::ns::roster, "query");
    for (auto& i : items) element.add(std::move(i));
    return element;
}

Element with(Element element, std::vector<Element> children) {
    for (auto& child : children) element.add(std::move(child));
    return element;
}

TEST(RosterSet, IsReadAndChecked) {
    struct Case {
        std::string_view why;
        Element request;
        std::string condition;  // empty: accepted
        RosterSet set = {};
    };
    std::vector<Element> many;
    for (std::size_t i = 0; i <= roster_groups_max; ++i) many.push_back(group("g" + std::to_string(i)));
    for (const auto& c : {
             Case{"2.3.1",
                  query({with(item("romeo@example.net").set("name", "Romeo"), {group("Friends"), group("Lovers")})}),
                  "",
                  {romeo, false, "Romeo", {"Friends", "Lovers"}}},
             Case{"2.4.1: no name, no groups", query({item("romeo@example.net")}), "", {romeo, false, "", {}}},
             Case{"2.5.1", query({item("romeo@example.net").set("subscription", "remove")}), "", {romeo, true, "", {}}},
             Case{"2.1.2.5: another subscription is ignored",
                  query({item("romeo@example.net").set("subscription", "both")}),
                  "",
                  {romeo, false, "", {}}},
             Case{"2.1.2.1 and 2.1.2.2: approved and ask are ignored",
                  query({item("romeo@example.net").set("approved", "true").set("ask", "subscribe")}),
                  "",
                  {romeo, false, "", {}}},
             Case{
                 "a full JID is a contact too", query({item("romeo@example.net/orchard")}), "", {romeo, false, "", {}}},
             Case{"2.3.3: two items", query({item("romeo@example.net"), item("tybalt@example.net")}), "bad-request"},
             Case{"2.3.3: no item", query({}), "bad-request"},
             Case{"another element", query({group("x")}), "bad-request"},
             Case{"no jid", query({Element(xmpp::ns::roster, "item")}), "bad-request"},
             Case{"not a jid", query({item("@example.net")}), "jid-malformed"},
             Case{"2.3.3: oneself", query({item("juliet@example.com/x")}), "not-allowed"},
             Case{"2.3.3: the same group twice", query({with(item("romeo@example.net"), {group("a"), group("a")})}),
                  "bad-request"},
             Case{"2.3.3: a group without a name", query({with(item("romeo@example.net"), {group("")})}),
                  "not-acceptable"},
             Case{"2.3.3: a long name",
                  query({item("romeo@example.net").set("name", std::string(roster_name_max + 1, 'x'))}),
                  "not-acceptable"},
             Case{"2.3.3: a long group",
                  query({with(item("romeo@example.net"), {group(std::string(roster_group_max + 1, 'x'))})}),
                  "not-acceptable"},
             Case{"too many groups", query({with(item("romeo@example.net"), many)}), "not-acceptable"},
         }) {
        SCOPED_TRACE(c.why);
        const auto decoded = decode_roster_set(c.request, user);
        const auto* error = std::get_if<xmpp::StanzaError>(&decoded);
        EXPECT_EQ(error ? error->condition : "", c.condition);
        if (const auto* set = std::get_if<RosterSet>(&decoded)) {
            EXPECT_EQ(*set, c.set);
        }
    }
}

TEST(RosterSet, ChangesNameAndGroupsAndNothingElse) {
    Roster roster;
    RosterItem asked;
    asked.contact = romeo;
    asked.subscription = Subscription::to;
    asked.pending_in = true;
    asked.request = "<presence/>";
    asked.groups = {"Old"};
    roster.items[romeo] = asked;
    const auto changed = std::get<RosterItem>(apply_roster_set(roster, {romeo, false, "Romeo", {"New"}}, 1));
    auto expected = asked;
    expected.name = "Romeo";
    expected.groups = {"New"};
    expected.listed = true;
    EXPECT_EQ(changed, expected);

    const auto tybalt = *xmpp::Jid::parse("tybalt@example.net");
    EXPECT_EQ(std::get<xmpp::StanzaError>(apply_roster_set(roster, {tybalt, false, "", {}}, 1)).condition,
              "resource-constraint");
    EXPECT_TRUE(std::holds_alternative<RosterItem>(apply_roster_set(roster, {tybalt, false, "", {}}, 2)));
}

TEST(RosterGet, AnswersTheWholeRosterOrNothing) {
    Roster roster;
    roster.version = 7;
    RosterItem known;
    known.contact = romeo;
    known.name = "Romeo";
    known.groups = {"Friends"};
    known.subscription = Subscription::from;
    known.pending_out = known.pre_approved = known.listed = true;
    roster.items[romeo] = known;
    RosterItem hidden;  // A.1: a pending request alone is no roster item
    hidden.contact = *xmpp::Jid::parse("tybalt@example.net");
    hidden.pending_in = true;
    roster.items[hidden.contact] = hidden;

    const auto expected = with(item("romeo@example.net")
                                   .set("name", "Romeo")
                                   .set("subscription", "from")
                                   .set("ask", "subscribe")
                                   .set("approved", "true"),
                               {group("Friends")});
    EXPECT_EQ(answer_roster_get(roster, query({})), query({expected}));  // 2.1.4
    EXPECT_EQ(answer_roster_get(roster, query({}).set("ver", "")),
              query({expected}).set("ver", "7"));  // 2.6.2: bootstrap
    EXPECT_EQ(answer_roster_get(roster, query({}).set("ver", "6")), query({expected}).set("ver", "7"));
    EXPECT_EQ(answer_roster_get(roster, query({}).set("ver", "07")), query({expected}).set("ver", "7"));
    EXPECT_EQ(answer_roster_get(roster, query({}).set("ver", "7")), std::nullopt);  // 2.6.2: up to date
    EXPECT_EQ(encode_roster_push(known, 8), query({expected}).set("ver", "8"));     // 2.6.3
    EXPECT_EQ(encode_roster_removal(romeo, 9),
              query({item("romeo@example.net").set("subscription", "remove")}).set("ver", "9"));  // 2.5.1
}

}  // namespace
}  // namespace parley::im
