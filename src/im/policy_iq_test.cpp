#include "im/policy_iq.hpp"

#include <string>

#include <gtest/gtest.h>

#include "xml/parser.hpp"
#include "xml/writer.hpp"
#include "xmpp/ns.hpp"

namespace parley::im {
namespace {

const xmpp::Jid user = *xmpp::Jid::parse("juliet@capulet.example");
const PolicyAuthor author{user, DecidedBy::blocking_command, TimePoint{Seconds{1'700'000'000}}};

xml::Element element(std::string_view text) {
    return *xml::parse_document(std::string(text));
}
xml::Element privacy(const std::string& content) {
    return element("<query xmlns='jabber:iq:privacy'>" + content + "</query>");
}
xml::Element privacy_list(const std::string& items) {
    return privacy("<list name='policy'>" + items + "</list>");
}
std::string item(std::string_view value, std::string_view action, int order, std::string_view inside = "") {
    return "<item type='jid' value='" + std::string(value) + "' action='" + std::string(action) + "' order='" +
           std::to_string(order) + "'>" + std::string(inside) + "</item>";
}
UserPolicy policy_of(std::initializer_list<std::pair<std::string_view, Verdict>> entries) {
    UserPolicy policy;
    for (const auto& [who, verdict] : entries) policy.put({*xmpp::Jid::parse(who), verdict, DecidedBy::client, {}});
    return policy;
}
// "+a@x.example" allowed, "-a@x.example" blocked, "0a@x.example" taken out; or the error.
std::string told(const PolicyRequest& request) {
    if (const auto* error = std::get_if<xmpp::StanzaError>(&request)) return error->condition;
    const auto& change = std::get<PolicyChange>(request);
    std::string out;
    if (change.inside) out += "inside=" + std::string(to_string(*change.inside)) + ' ';
    if (change.outside) out += "outside=" + std::string(to_string(*change.outside)) + ' ';
    for (const auto& entry : change.put)
        out += (entry.verdict == Verdict::block ? '-' : '+') + entry.who.to_string() + ' ';
    for (const auto& who : change.remove) out += '0' + who.to_string() + ' ';
    if (!out.empty()) out.pop_back();
    return out;
}
std::string text(const xml::Element& e) {
    return xml::to_string(e, {});
}

TEST(BlockingCommand, NamesWhomItBlocks) {
    const auto block = [](const std::string& items) {
        return told(decode_block(element("<block xmlns='urn:xmpp:blocking'>" + items + "</block>"), author));
    };
    EXPECT_EQ(block("<item jid='romeo@montague.example'/><item jid='Capulet.Example'/>"),
              "-romeo@montague.example -capulet.example");
    EXPECT_EQ(block("<item jid='romeo@montague.example/orchard'/>"), "-romeo@montague.example/orchard");
    EXPECT_EQ(block(""), "bad-request");
    EXPECT_EQ(block("<item xmlns='urn:other' jid='romeo@montague.example'/>"), "bad-request");
    EXPECT_EQ(block("<item/>"), "jid-malformed");
    EXPECT_EQ(block("<item jid='@'/>"), "jid-malformed");
    EXPECT_EQ(block("<item jid='juliet@capulet.example/balcony'/>"), "not-allowed");
    const auto request =
        decode_block(element("<block xmlns='urn:xmpp:blocking'><item jid='a.example'/></block>"), author);
    EXPECT_EQ(std::get<PolicyChange>(request).put.front().by, DecidedBy::blocking_command);
    EXPECT_EQ(std::get<PolicyChange>(request).put.front().at, author.now);
}

TEST(BlockingCommand, UnblocksWhatIsBlockedAndNothingElse) {
    const auto policy =
        policy_of({{"a@x.example", Verdict::block}, {"b@x.example", Verdict::allow}, {"x.example", Verdict::block}});
    const auto unblock = [&](const std::string& items) {
        return told(decode_unblock(element("<unblock xmlns='urn:xmpp:blocking'>" + items + "</unblock>"), policy));
    };
    EXPECT_EQ(unblock("<item jid='a@x.example'/>"), "0a@x.example");
    EXPECT_EQ(unblock("<item jid='b@x.example'/><item jid='nobody@x.example'/>"), "");
    EXPECT_EQ(unblock(""), "0x.example 0a@x.example");
    EXPECT_EQ(unblock("<item jid=''/>"), "jid-malformed");
}

TEST(BlockingCommand, ListsWhatIsBlocked) {
    EXPECT_EQ(text(encode_block_list(policy_of({{"a@x.example", Verdict::block}, {"b@x.example", Verdict::allow}}))),
              "<blocklist xmlns='urn:xmpp:blocking'><item jid='a@x.example'/></blocklist>");
    EXPECT_EQ(text(encode_block_list({})), "<blocklist xmlns='urn:xmpp:blocking'/>");
}

TEST(PrivacyList, ThereIsOneAndItAlwaysApplies) {
    const auto get = [](const std::string& content) {
        const auto answer = answer_privacy_get(
            privacy(content), policy_of({{"a@x.example", Verdict::block}, {"x.example", Verdict::allow}}));
        const auto* query = std::get_if<xml::Element>(&answer);
        return query ? text(*query) : std::get<xmpp::StanzaError>(answer).condition;
    };
    EXPECT_EQ(get(""), "<query xmlns='jabber:iq:privacy'><default name='policy'/><list name='policy'/></query>");
    EXPECT_EQ(get("<list name='policy'/>"),
              "<query xmlns='jabber:iq:privacy'><list name='policy'>"
              "<item type='jid' value='a@x.example' action='deny' order='1'/>"
              "<item type='jid' value='x.example' action='allow' order='2'/></list></query>");
    EXPECT_EQ(get("<list name='work'/>"), "item-not-found");
    EXPECT_EQ(get("<list name='policy'/><list name='work'/>"), "bad-request");
    EXPECT_EQ(get("<active name='policy'/>"), "bad-request");
    const auto set = [](const std::string& content) { return told(decode_privacy_set(privacy(content), {}, author)); };
    EXPECT_EQ(set("<active name='policy'/>"), "");
    EXPECT_EQ(set("<active/>"), "");
    EXPECT_EQ(set("<default name='policy'/>"), "");
    EXPECT_EQ(set("<default/>"), "not-allowed");
    EXPECT_EQ(set("<default name='work'/>"), "item-not-found");
    EXPECT_EQ(set("<list name='work'><item action='allow' order='1'/></list>"), "not-allowed");
    EXPECT_EQ(set(""), "bad-request");
    EXPECT_EQ(set("<active name='policy'/><default name='policy'/>"), "bad-request");
}

TEST(PrivacyList, ReplacesTheEntriesAsAWhole) {
    const auto policy = policy_of({{"a@x.example", Verdict::block}, {"b@x.example", Verdict::allow}});
    const auto set = [&](const std::string& items) {
        return told(decode_privacy_set(privacy_list(items), policy, author));
    };
    EXPECT_EQ(set(item("c@x.example", "deny", 1) + item("a@x.example", "deny", 2)), "-c@x.example 0b@x.example");
    EXPECT_EQ(set(item("a@x.example", "allow", 7)), "+a@x.example 0b@x.example");
    EXPECT_EQ(set(""), "0a@x.example 0b@x.example");
    const std::string all = "<message/><iq/><presence-in/><presence-out/>";
    EXPECT_EQ(set(item("a@x.example", "deny", 1, all) + item("b@x.example", "allow", 2)), "");
    // The first match counts there: what a wider item before it covers never did anything.
    EXPECT_EQ(set(item("x.example", "deny", 1) + item("b@x.example", "allow", 2)),
              "-x.example 0a@x.example 0b@x.example");
    EXPECT_EQ(set(item("x.example", "deny", 9) + item("b@x.example", "allow", 2)), "-x.example 0a@x.example");
    EXPECT_EQ(set("<item action='allow' order='1'/>" + item("c@x.example", "deny", 2)), "0a@x.example 0b@x.example");
}

TEST(PrivacyList, RefusesWhatItCannotKeep) {
    struct Row {
        std::string items, error;
    };
    for (const auto& row : {
             Row{item("a@x.example", "deny", 1, "<message/>"), "feature-not-implemented"},
             Row{item("a@x.example", "deny", 1, "<message/><iq/><presence-out/>"), "feature-not-implemented"},
             Row{"<item action='deny' order='1'/>", "feature-not-implemented"},
             Row{"<item type='group' value='Enemies' action='deny' order='1'/>", "feature-not-implemented"},
             Row{"<item type='subscription' value='none' action='deny' order='1'/>", "feature-not-implemented"},
             Row{"<item type='colour' value='red' action='deny' order='1'/>", "bad-request"},
             Row{item("a@x.example", "drop", 1), "bad-request"},
             Row{"<item type='jid' value='a@x.example' action='deny'/>", "bad-request"},
             Row{"<item type='jid' value='a@x.example' action='deny' order='-1'/>", "bad-request"},
             Row{item("a@x.example", "deny", 1) + item("b@x.example", "deny", 1), "bad-request"},
             Row{item("@", "deny", 1), "jid-malformed"},
             Row{item("juliet@capulet.example", "deny", 1), "not-allowed"},
         }) {
        SCOPED_TRACE(row.items);
        EXPECT_EQ(told(decode_privacy_set(privacy_list(row.items), {}, author)), row.error);
    }
}

TEST(PolicyElement, SaysAllAndChangesPart) {
    auto policy = policy_of({{"a@x.example", Verdict::block}});
    policy.inside = Verdict::allow;
    EXPECT_EQ(text(encode_policy(policy)),
              "<policy xmlns='urn:parley:policy:0' inside='allow' outside='ask'><item jid='a@x.example' "
              "verdict='block' by='client' at='1970-01-01T00:00:00Z'/></policy>");
    const auto set = [](const std::string& attributes, const std::string& items) {
        return told(decode_policy_set(
            element("<policy xmlns='urn:parley:policy:0' " + attributes + ">" + items + "</policy>"), author));
    };
    EXPECT_EQ(set("outside='block'",
                  "<item jid='a@x.example' verdict='allow'/><item jid='x.example' verdict='block'/>"
                  "<item jid='b@x.example' verdict='unset'/>"),
              "outside=block +a@x.example -x.example 0b@x.example");
    EXPECT_EQ(set("inside='ask'", ""), "inside=ask");
    EXPECT_EQ(set("inside='maybe'", ""), "bad-request");
    EXPECT_EQ(set("", ""), "bad-request");
    EXPECT_EQ(set("", "<item jid='a@x.example' verdict='ask'/>"), "bad-request");
    EXPECT_EQ(set("", "<item jid='a@x.example'/>"), "bad-request");
    EXPECT_EQ(set("", "<item verdict='block'/>"), "jid-malformed");
    EXPECT_EQ(set("", "<item jid='juliet@capulet.example' verdict='block'/>"), "not-allowed");
    PolicyChange change;
    change.outside = Verdict::block;
    change.put = {{*xmpp::Jid::parse("a@x.example"), Verdict::allow, DecidedBy::client, {}}};
    change.remove = {*xmpp::Jid::parse("b@x.example")};
    EXPECT_EQ(text(encode_policy_change(change)),
              "<policy xmlns='urn:parley:policy:0' outside='block'><item jid='b@x.example' verdict='unset'/>"
              "<item jid='a@x.example' verdict='allow'/></policy>");
}

TEST(PolicyElement, AListHasALimit) {
    const auto policy = policy_of({{"a@x.example", Verdict::block}, {"b@x.example", Verdict::block}});
    const auto change = [](std::initializer_list<std::string_view> put,
                           std::initializer_list<std::string_view> remove) {
        PolicyChange out;
        for (const auto who : put) out.put.push_back({*xmpp::Jid::parse(who), Verdict::block, DecidedBy::client, {}});
        for (const auto who : remove) out.remove.push_back(*xmpp::Jid::parse(who));
        return out;
    };
    EXPECT_TRUE(has_room(policy, change({"c@x.example"}, {}), 3));
    EXPECT_FALSE(has_room(policy, change({"c@x.example", "d@x.example"}, {}), 3));
    EXPECT_TRUE(has_room(policy, change({"c@x.example", "d@x.example"}, {"a@x.example"}), 3));
    EXPECT_TRUE(has_room(policy, change({"a@x.example"}, {}), 1)) << "a list that is too long already can be changed";
}

}  // namespace
}  // namespace parley::im
