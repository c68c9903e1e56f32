#include "im/user_policy.hpp"

#include <string>

#include <gtest/gtest.h>

namespace parley::im {
namespace {

xmpp::Jid jid(std::string_view text) {
    return *xmpp::Jid::parse(text);
}

UserPolicy policy_of(std::initializer_list<std::pair<std::string_view, Verdict>> entries) {
    UserPolicy policy;
    for (const auto& [who, verdict] : entries) policy.put({jid(who), verdict, DecidedBy::client, {}});
    return policy;
}

TEST(UserPolicy, ADecisionWinsOverTheDefaultAndAPersonOverItsDomain) {
    using enum Verdict;
    auto policy = policy_of({{"romeo@montague.example", allow},
                             {"montague.example", block},
                             {"tybalt@capulet.example", block},
                             {"capulet.example", allow},
                             {"rosaline@capulet.example/phone", block},
                             {"verona.example/gate", block}});
    policy.inside = allow;
    policy.outside = block;
    struct Row {
        std::string_view who;
        Verdict inside, outside;
    };
    for (const auto& row : {
             Row{"romeo@montague.example", allow, allow},          // this person
             Row{"romeo@montague.example/orchard", allow, allow},  // each of its resources
             Row{"benvolio@montague.example", block, block},       // this domain
             Row{"montague.example", block, block},                // the domain itself
             Row{"montague.example/gate", block, block},           //
             Row{"benvolio@sub.montague.example", allow, block},   // never its subdomains: the default
             Row{"tybalt@capulet.example", block, block},          //
             Row{"juliet@capulet.example", allow, allow},          //
             Row{"rosaline@capulet.example", allow, allow},        // one resource is not the person
             Row{"rosaline@capulet.example/phone", block, block},  // and that resource before its domain
             Row{"rosaline@capulet.example/desk", allow, allow},   //
             Row{"escalus@verona.example/gate", block, block},     // domain/resource
             Row{"escalus@verona.example", allow, block},          //
             Row{"paris@elsewhere.example", allow, block},         // the default
         }) {
        SCOPED_TRACE(row.who);
        EXPECT_EQ(policy.decide(jid(row.who), true).verdict, row.inside);
        EXPECT_EQ(policy.decide(jid(row.who), false).verdict, row.outside);
    }
}

TEST(UserPolicy, TheDefaultBlocksNobodyWhoIsThere) {
    UserPolicy policy;
    policy.inside = policy.outside = Verdict::block;
    EXPECT_FALSE(policy.blocks(jid("romeo@montague.example")));
    EXPECT_TRUE(policy_of({{"montague.example", Verdict::block}}).blocks(jid("romeo@montague.example/orchard")));
    EXPECT_FALSE(policy_of({{"montague.example", Verdict::allow}}).blocks(jid("romeo@montague.example")));
}

TEST(UserPolicy, SaysWhichEntryCounted) {
    const auto policy = policy_of({{"romeo@montague.example", Verdict::allow}, {"montague.example", Verdict::block}});
    EXPECT_EQ(policy.decide(jid("romeo@montague.example/x"), false).entry->who, jid("romeo@montague.example"));
    EXPECT_EQ(policy.decide(jid("paris@montague.example"), false).entry->who, jid("montague.example"));
    EXPECT_FALSE(policy.decide(jid("paris@capulet.example"), false).entry);
}

TEST(UserPolicy, AChangeIsAppliedWhole) {
    auto policy = policy_of({{"a@x.example", Verdict::block}, {"b@x.example/r", Verdict::block}});
    policy.apply({Verdict::allow,
                  {},
                  {{jid("c@x.example"), Verdict::block, DecidedBy::client, {}}},
                  {jid("a@x.example"), jid("b@x.example/r"), jid("nobody@x.example")}});
    EXPECT_EQ(policy.inside, Verdict::allow);
    EXPECT_EQ(policy.outside, Verdict::ask);
    EXPECT_EQ(policy.size(), 1u);
    EXPECT_TRUE(policy.blocks(jid("c@x.example/any")));
    EXPECT_FALSE(policy.blocks(jid("b@x.example/r")));
}

TEST(UserPolicy, ALongListIsFoundInTo) {
    UserPolicy policy;
    const auto who = [](int i) { return jid("p" + std::to_string(i) + (i % 3 == 0 ? "@a.example/x" : "@a.example")); };
    for (int i = 0; i < 5000; ++i)
        policy.put({who(i), i % 2 == 0 ? Verdict::block : Verdict::allow, DecidedBy::client, TimePoint{Seconds{i}}});
    for (int i = 0; i < 5000; ++i) policy.put({who(i), Verdict::block, DecidedBy::privacy_list, TimePoint{Seconds{i}}});
    ASSERT_EQ(policy.size(), 5000u);
    PolicyChange change;
    for (int i = 0; i < 5000; i += 2) change.remove.push_back(who(i));
    policy.apply(change);
    ASSERT_EQ(policy.size(), 2500u);
    for (int i = 0; i < 5000; ++i) {
        ASSERT_EQ(policy.blocks(who(i)), i % 2 == 1) << i;
        const auto entry = policy.entry(who(i));
        ASSERT_EQ(entry.has_value(), i % 2 == 1);
        if (!entry) continue;
        EXPECT_EQ(*entry, (PolicyEntry{who(i), Verdict::block, DecidedBy::privacy_list, TimePoint{Seconds{i}}}));
    }
    EXPECT_FALSE(policy.blocks(jid("p3@a.example"))) << "one resource only";
    EXPECT_EQ(policy.entries().size(), 2500u);
}

TEST(UserPolicy, ListsDomainsBeforePeople) {
    std::string names;
    for (const auto& entry :
         policy_of({{"b@a.example", Verdict::block}, {"z.example", Verdict::block}, {"a@a.example", Verdict::allow}})
             .entries())
        names += entry.who.to_string() + ' ';
    EXPECT_EQ(names, "z.example a@a.example b@a.example ");
}

TEST(UserPolicy, VerdictsAreWords) {
    for (const auto verdict : {Verdict::allow, Verdict::block, Verdict::ask})
        EXPECT_EQ(verdict_of(to_string(verdict)), verdict);
    EXPECT_FALSE(verdict_of("deny"));
    EXPECT_FALSE(verdict_of(""));
}

}  // namespace
}  // namespace parley::im
