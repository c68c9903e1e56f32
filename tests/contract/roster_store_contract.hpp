#pragma once

#include "tests/contract/store_fixture.hpp"

namespace parley::test {

class RosterStoreContract : public StoreContract {
protected:
    static im::RosterItem item(std::string_view contact) {
        im::RosterItem item;
        item.contact = jid(contact);
        item.listed = true;
        return item;
    }
    im::Roster load(std::string_view user) {
        return wait<im::Roster>([&](auto done) { stores_->rosters().load(jid(user), std::move(done)); }).value();
    }
    Result<void> apply(std::string_view user, storage::RosterChange change) {
        return wait([&](auto done) { stores_->rosters().apply(jid(user), std::move(change), std::move(done)); });
    }
};

TEST_P(RosterStoreContract, IsEmptyForANewUser) {
    const auto roster = load("alice@example.com");
    EXPECT_TRUE(roster.items.empty());
    EXPECT_EQ(roster.version, 0u);
}

TEST_P(RosterStoreContract, KeepsEveryFieldOfAnItem) {
    std::vector<im::RosterItem> items;
    for (const auto subscription :
         {im::Subscription::none, im::Subscription::to, im::Subscription::from, im::Subscription::both}) {
        for (unsigned bits = 0; bits < 32; ++bits) {
            auto one = item("c" + std::to_string(items.size()) + "@example.org");
            one.subscription = subscription;
            one.pending_out = bits & 1;
            one.pending_in = bits & 2;
            one.pre_approved = bits & 4;
            one.listed = bits & 8;
            one.refused = bits & 16;
            items.push_back(one);
        }
    }
    items[1].name = "J\xc3\xbcrgen \"'<&>";
    items[1].groups = {"Friends", "", "a:b,c\n2:xy", "\xe2\x98\x83"};
    items[2].request = "<presence type='subscribe'><status>please</status></presence>";
    items[3].contact = jid("example.org");  // a domain may be a contact
    ASSERT_TRUE(apply("alice@example.com", {7, items, {}}));
    reopen();
    const auto roster = load("alice@example.com");
    EXPECT_EQ(roster.version, 7u);
    ASSERT_EQ(roster.items.size(), items.size());
    for (const auto& one : items) EXPECT_EQ(roster.items.at(one.contact), one) << one.contact.to_string();
}

TEST_P(RosterStoreContract, AppliesPutsAndRemovesAsOneChange) {
    ASSERT_TRUE(apply("alice@example.com", {1, {item("a@x.example"), item("b@x.example")}, {}}));
    auto renamed = item("b@x.example");
    renamed.name = "B";
    ASSERT_TRUE(
        apply("alice@example.com", {2, {renamed, item("c@x.example")}, {jid("a@x.example"), jid("none@x.example")}}));
    const auto roster = load("alice@example.com");
    EXPECT_EQ(roster.version, 2u);
    ASSERT_EQ(roster.items.size(), 2u);
    EXPECT_EQ(roster.items.at(jid("b@x.example")).name, "B");
    EXPECT_TRUE(roster.items.contains(jid("c@x.example")));
}

TEST_P(RosterStoreContract, KeepsUsersApart) {
    ASSERT_TRUE(apply("alice@example.com", {1, {item("a@x.example")}, {}}));
    ASSERT_TRUE(apply("alice@example.org", {5, {item("b@x.example")}, {}}));
    EXPECT_EQ(load("alice@example.com").items.size(), 1u);
    EXPECT_TRUE(load("alice@example.com").items.contains(jid("a@x.example")));
    EXPECT_EQ(load("alice@example.org").version, 5u);
    EXPECT_TRUE(load("bob@example.com").items.empty());
}

}  // namespace parley::test
