#pragma once

#include "tests/contract/store_fixture.hpp"

namespace parley::test {

class UserPolicyStoreContract : public StoreContract {
protected:
    static im::PolicyEntry entry(std::string_view who, im::Verdict verdict,
                                 im::DecidedBy by = im::DecidedBy::native_client) {
        return {jid(who), verdict, by, TimePoint{Seconds{1'700'000'000}}};
    }
    im::UserPolicy load(std::string_view user) {
        return wait<im::UserPolicy>([&](auto done) { stores_->user_policies().load(jid(user), std::move(done)); })
            .value();
    }
    Result<void> apply(std::string_view user, im::PolicyChange change) {
        return wait([&](auto done) { stores_->user_policies().apply(jid(user), std::move(change), std::move(done)); });
    }
};

TEST_P(UserPolicyStoreContract, ANewUserHasNoEntriesAndIsAsked) {
    EXPECT_EQ(load("alice@example.com"), im::UserPolicy{});
    ASSERT_TRUE(apply("alice@example.com", {}));
    EXPECT_EQ(load("alice@example.com"), im::UserPolicy{});
}

TEST_P(UserPolicyStoreContract, KeepsEveryFieldOfAnEntry) {
    std::vector<im::PolicyEntry> entries;
    for (const auto by : {im::DecidedBy::administrator, im::DecidedBy::native_client, im::DecidedBy::client,
                          im::DecidedBy::blocking_command, im::DecidedBy::privacy_list})
        for (const auto verdict : {im::Verdict::allow, im::Verdict::block})
            entries.push_back(entry("c" + std::to_string(entries.size()) + "@example.org", verdict, by));
    entries.push_back(entry("partner.example", im::Verdict::block));
    entries.push_back(entry("j\xc3\xbcrgen@partner.example/a phone", im::Verdict::allow));
    ASSERT_TRUE(apply("alice@example.com", {{}, {}, entries, {}}));
    reopen();
    const auto policy = load("alice@example.com");
    EXPECT_EQ(policy.size(), entries.size());
    for (const auto& one : entries) {
        const auto kept = policy.entry(one.who);
        ASSERT_TRUE(kept) << one.who.to_string();
        EXPECT_EQ(*kept, one) << one.who.to_string();
    }
}

TEST_P(UserPolicyStoreContract, KeepsEachDefaultByItself) {
    using enum im::Verdict;
    ASSERT_TRUE(apply("alice@example.com", {allow, {}, {}, {}}));
    reopen();
    EXPECT_EQ(load("alice@example.com").inside, allow);
    EXPECT_EQ(load("alice@example.com").outside, ask);
    ASSERT_TRUE(apply("alice@example.com", {{}, block, {}, {}}));
    reopen();
    EXPECT_EQ(load("alice@example.com").inside, allow);
    EXPECT_EQ(load("alice@example.com").outside, block);
    ASSERT_TRUE(apply("alice@example.com", {ask, ask, {}, {}}));
    EXPECT_EQ(load("alice@example.com"), im::UserPolicy{});
}

TEST_P(UserPolicyStoreContract, ReplacesAndRemovesAsOneChange) {
    using enum im::Verdict;
    ASSERT_TRUE(apply("alice@example.com", {{}, {}, {entry("a@x.example", block), entry("b@x.example", block)}, {}}));
    ASSERT_TRUE(apply("alice@example.com",
                      {{}, {}, {entry("b@x.example", allow)}, {jid("a@x.example"), jid("nobody@x.example")}}));
    const auto policy = load("alice@example.com");
    EXPECT_EQ(policy.size(), 1u);
    ASSERT_TRUE(policy.entry(jid("b@x.example")));
    EXPECT_EQ(policy.entry(jid("b@x.example"))->verdict, allow);
}

TEST_P(UserPolicyStoreContract, KeepsUsersApart) {
    ASSERT_TRUE(apply("alice@example.com", {im::Verdict::block, {}, {entry("a@x.example", im::Verdict::block)}, {}}));
    EXPECT_EQ(load("alice@example.org"), im::UserPolicy{});
    EXPECT_EQ(load("bob@example.com"), im::UserPolicy{});
}

TEST_P(UserPolicyStoreContract, GoesWithItsUser) {
    ASSERT_TRUE(wait([&](auto done) {
        stores_->accounts().create({jid("alice@example.com"), {}, {}, false}, std::move(done));
    }));
    ASSERT_TRUE(apply("alice@example.com", {im::Verdict::block, {}, {entry("a@x.example", im::Verdict::block)}, {}}));
    ASSERT_TRUE(wait([&](auto done) { stores_->accounts().remove(jid("alice@example.com"), std::move(done)); }));
    EXPECT_EQ(load("alice@example.com"), im::UserPolicy{});
}

}  // namespace parley::test
