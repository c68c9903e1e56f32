#pragma once

#include "tests/contract/store_fixture.hpp"

namespace parley::test {

class AccountStoreContract : public StoreContract {
protected:
    static storage::Account account(std::string_view user, const std::string& salt = "salt") {
        // Raw bytes: a zero byte in a key must not end it.
        const std::string zero("\0\xff key", 6);
        return {jid(user), {salt, 4096, zero + "1", "server1"}, {salt + "2", 10'000, "stored2", zero + "2"}, false};
    }
    Result<storage::Account> load(std::string_view user) {
        return wait<storage::Account>([&](auto done) { stores_->accounts().load(jid(user), std::move(done)); });
    }
    Result<void> create(const storage::Account& account) {
        return wait([&](auto done) { stores_->accounts().create(account, std::move(done)); });
    }
    Result<void> remove(std::string_view user) {
        return wait([&](auto done) { stores_->accounts().remove(jid(user), std::move(done)); });
    }
    std::vector<std::string> list(const std::string& domain) {
        const auto users =
            wait<std::vector<xmpp::Jid>>([&](auto done) { stores_->accounts().list(domain, std::move(done)); });
        std::vector<std::string> names;
        for (const auto& user : users.value()) names.push_back(user.to_string());
        return names;
    }
};

TEST_P(AccountStoreContract, GivesBackWhatWasCreatedAlsoAfterReopening) {
    EXPECT_EQ(load("alice@example.com").error().code, Errc::not_found);
    ASSERT_TRUE(create(account("alice@example.com")));
    EXPECT_EQ(load("alice@example.com").value(), account("alice@example.com"));
    EXPECT_EQ(load("alice@example.com/phone").value(), account("alice@example.com")) << "a full JID means its user";
    reopen();
    EXPECT_EQ(load("alice@example.com").value(), account("alice@example.com"));
    EXPECT_EQ(load("alice@example.org").error().code, Errc::not_found);
}

TEST_P(AccountStoreContract, RefusesToCreateTwiceAndKeepsTheFirst) {
    ASSERT_TRUE(create(account("alice@example.com", "first")));
    EXPECT_EQ(create(account("alice@example.com", "second")).error().code, Errc::conflict);
    EXPECT_EQ(load("alice@example.com").value(), account("alice@example.com", "first"));
}

TEST_P(AccountStoreContract, CreatesManyAndReplacesThoseThatExist) {
    ASSERT_TRUE(create(account("user7@example.com", "old")));
    std::vector<storage::Account> many;
    for (int i = 0; i < 300; ++i) many.push_back(account("user" + std::to_string(i) + "@example.com", "new"));
    const auto count = wait<std::size_t>([&](auto done) { stores_->accounts().create_many(many, std::move(done)); });
    EXPECT_EQ(count.value(), 300u);
    EXPECT_EQ(load("user7@example.com").value(), account("user7@example.com", "new"));
    EXPECT_EQ(list("example.com").size(), 300u);
}

TEST_P(AccountStoreContract, ReplacesKeysOfAnExistingAccountOnly) {
    const auto replace = [&](storage::Account changed) {
        return wait([&](auto done) { stores_->accounts().replace_keys(changed, std::move(done)); });
    };
    EXPECT_EQ(replace(account("alice@example.com")).error().code, Errc::not_found);
    ASSERT_TRUE(create(account("alice@example.com")));
    auto changed = account("alice@example.com", "changed");
    changed.disabled = true;
    ASSERT_TRUE(replace(changed));
    EXPECT_EQ(load("alice@example.com").value(), changed);
}

TEST_P(AccountStoreContract, RemovesTheAccountWithAllThatIsTheUsers) {
    ASSERT_TRUE(create(account("alice@example.com")));
    ASSERT_TRUE(create(account("bob@example.com")));
    for (const auto user : {"alice@example.com", "bob@example.com"}) {
        im::RosterItem item;
        item.contact = jid("carol@example.com");
        ASSERT_TRUE(wait([&](auto done) { stores_->rosters().apply(jid(user), {1, {item}, {}}, std::move(done)); }));
        ASSERT_TRUE(wait([&](auto done) { stores_->vcards().put(jid(user), "<vCard/>", std::move(done)); }));
        storage::SpooledMessage message;
        message.user = jid(user);
        message.from = jid("carol@example.com/x");
        message.origin = "o1";
        message.stanza = "<message/>";
        ASSERT_TRUE(
            wait<storage::SpoolStore::Appended>([&](auto done) { stores_->spool().append(message, std::move(done)); }));
    }
    ASSERT_TRUE(remove("alice@example.com"));
    EXPECT_EQ(remove("alice@example.com").error().code, Errc::not_found);
    EXPECT_EQ(load("alice@example.com").error().code, Errc::not_found);
    const auto left = [&](std::string_view user) {
        const auto roster = wait<im::Roster>([&](auto done) { stores_->rosters().load(jid(user), std::move(done)); });
        const auto vcard = wait<std::string>([&](auto done) { stores_->vcards().load(jid(user), std::move(done)); });
        const auto usage =
            wait<storage::SpoolUsage>([&](auto done) { stores_->spool().usage(jid(user), std::move(done)); });
        return std::tuple(roster.value().items.size(), roster.value().version, vcard.value(), usage.value().messages);
    };
    EXPECT_EQ(left("alice@example.com"), std::tuple(0u, 0u, "", 0u));
    EXPECT_EQ(left("bob@example.com"), std::tuple(1u, 1u, "<vCard/>", 1u));
    ASSERT_TRUE(create(account("alice@example.com"))) << "the name is free again";
    EXPECT_EQ(left("alice@example.com"), std::tuple(0u, 0u, "", 0u)) << "and its new holder inherits nothing";
}

TEST_P(AccountStoreContract, ListsSortedAndByDomain) {
    for (const auto user : {"zoe@example.com", "alice@example.com", "mallory@example.org", "bob@example.com"})
        ASSERT_TRUE(create(account(user)));
    EXPECT_EQ(list("example.com"),
              (std::vector<std::string>{"alice@example.com", "bob@example.com", "zoe@example.com"}));
    EXPECT_EQ(list(""), (std::vector<std::string>{"alice@example.com", "bob@example.com", "mallory@example.org",
                                                  "zoe@example.com"}));
    EXPECT_TRUE(list("example.net").empty());
    // A user that only has a roster or spooled messages is no account.
    ASSERT_TRUE(wait([&](auto done) { stores_->vcards().put(jid("ghost@example.net"), "<vCard/>", std::move(done)); }));
    EXPECT_TRUE(list("example.net").empty());
}

}  // namespace parley::test
