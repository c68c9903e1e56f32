#pragma once

#include "tests/contract/store_fixture.hpp"

namespace parley::test {

class SpoolStoreContract : public StoreContract {
protected:
    using Appended = storage::SpoolStore::Appended;

    static storage::SpooledMessage message(std::string_view user, const std::string& origin,
                                           const std::string& body = "hello") {
        storage::SpooledMessage one;
        one.user = jid(user);
        one.from = jid("sender@example.org/desk");
        one.received = TimePoint{Millis{1'700'000'000'123}};
        one.origin = origin;
        one.stanza = "<message><body>" + body + "</body></message>";
        return one;
    }
    Result<Appended> append(const storage::SpooledMessage& message) {
        return wait<Appended>([&](auto done) { stores_->spool().append(message, std::move(done)); });
    }
    std::vector<storage::SpooledMessage> load(std::string_view user, std::int64_t after = 0, std::size_t limit = 1000) {
        return wait<std::vector<storage::SpooledMessage>>(
                   [&](auto done) { stores_->spool().load(jid(user), after, limit, std::move(done)); })
            .value();
    }
    Result<void> remove(std::string_view user, std::vector<std::int64_t> ids) {
        return wait([&](auto done) { stores_->spool().remove(jid(user), std::move(ids), std::move(done)); });
    }
    storage::SpoolUsage usage(std::string_view user) {
        return wait<storage::SpoolUsage>([&](auto done) { stores_->spool().usage(jid(user), std::move(done)); })
            .value();
    }
};

TEST_P(SpoolStoreContract, GivesBackWhatWasAppendedAlsoAfterReopening) {
    auto first = message("bob@example.com", "o1", std::string(200'000, 'x'));  // many pages
    auto second = message("bob@example.com", "o2", "\xe2\x98\x83");
    first.id = append(first).value().id;
    second.id = append(second).value().id;
    EXPECT_GT(first.id, 0);
    EXPECT_GT(second.id, first.id);
    for (int round = 0; round < 2; ++round) {
        EXPECT_EQ(load("bob@example.com"), (std::vector{first, second}));
        EXPECT_TRUE(load("alice@example.com").empty());
        reopen();
    }
}

TEST_P(SpoolStoreContract, LoadsOldestFirstInPages) {
    std::vector<std::int64_t> ids;
    for (int i = 0; i < 40; ++i) {
        ids.push_back(append(message("bob@example.com", "o" + std::to_string(i))).value().id);
        append(message("carol@example.com", "o" + std::to_string(i))).value();
    }
    std::vector<std::int64_t> seen;
    std::int64_t after = 0;
    for (;;) {
        const auto page = load("bob@example.com", after, 7);
        if (page.empty()) break;
        EXPECT_LE(page.size(), 7u);
        for (const auto& one : page) seen.push_back(one.id);
        after = seen.back();
    }
    EXPECT_EQ(seen, ids);
}

TEST_P(SpoolStoreContract, StoresAnOriginOnceAUser) {
    const auto first = append(message("bob@example.com", "o1", "original")).value();
    EXPECT_FALSE(first.duplicate);
    const auto again = append(message("bob@example.com", "o1", "resent")).value();
    EXPECT_TRUE(again.duplicate);
    EXPECT_EQ(again.id, first.id);
    EXPECT_FALSE(append(message("carol@example.com", "o1")).value().duplicate)
        << "another user's copy is another message";
    ASSERT_EQ(load("bob@example.com").size(), 1u);
    EXPECT_NE(load("bob@example.com").front().stanza.find("original"), std::string::npos);
    reopen();
    EXPECT_TRUE(append(message("bob@example.com", "o1")).value().duplicate);
}

TEST_P(SpoolStoreContract, RemembersARemovedOriginAlsoAfterReopening) {
    const auto id = append(message("bob@example.com", "o1")).value().id;
    ASSERT_TRUE(remove("bob@example.com", {id}));
    for (int round = 0; round < 2; ++round) {
        const auto again = append(message("bob@example.com", "o1")).value();
        EXPECT_TRUE(again.duplicate) << "its sender missed our acknowledgement; it was delivered";
        EXPECT_EQ(again.id, id);
        EXPECT_TRUE(load("bob@example.com").empty());
        reopen();
    }
    EXPECT_FALSE(append(message("carol@example.com", "o1")).value().duplicate);
}

TEST_P(SpoolStoreContract, MessagesWithoutOriginAreNeverDuplicates) {
    const auto first = append(message("bob@example.com", "")).value();
    EXPECT_FALSE(append(message("bob@example.com", "")).value().duplicate);
    ASSERT_TRUE(remove("bob@example.com", {first.id}));
    EXPECT_FALSE(append(message("bob@example.com", "")).value().duplicate);
    EXPECT_EQ(load("bob@example.com").size(), 2u);
}

TEST_P(SpoolStoreContract, NeverGivesAnIdTwice) {
    std::int64_t last = 0;
    for (int round = 0; round < 3; ++round) {
        const auto id = append(message("bob@example.com", "o" + std::to_string(round))).value().id;
        EXPECT_GT(id, last);
        last = id;
        ASSERT_TRUE(remove("bob@example.com", {id}));  // the table is empty now
        reopen();
    }
}

TEST_P(SpoolStoreContract, RemovesOnlyWhatIsTheUsers) {
    const auto bobs = append(message("bob@example.com", "o1")).value().id;
    const auto carols = append(message("carol@example.com", "o2")).value().id;
    ASSERT_TRUE(remove("bob@example.com", {carols, bobs, 999'999}));
    EXPECT_TRUE(load("bob@example.com").empty());
    EXPECT_EQ(load("carol@example.com").size(), 1u);
    EXPECT_TRUE(remove("nobody@example.com", {carols}));
    EXPECT_TRUE(remove("bob@example.com", {}));
    EXPECT_EQ(load("carol@example.com").size(), 1u);
}

TEST_P(SpoolStoreContract, CountsMessagesAndBytes) {
    EXPECT_EQ(usage("bob@example.com").messages, 0u);
    const auto first = message("bob@example.com", "o1", "12345");
    const auto second = message("bob@example.com", "o2", "123");
    const auto id = append(first).value().id;
    append(second).value();
    append(message("carol@example.com", "o3")).value();
    EXPECT_EQ(usage("bob@example.com").messages, 2u);
    EXPECT_EQ(usage("bob@example.com").bytes, first.stanza.size() + second.stanza.size());
    ASSERT_TRUE(remove("bob@example.com", {id}));
    EXPECT_EQ(usage("bob@example.com").messages, 1u);
    EXPECT_EQ(usage("bob@example.com").bytes, second.stanza.size());
}

// One caller's calls take effect in the order they are made, although none waits for the one before.
TEST_P(SpoolStoreContract, IsFirstInFirstOutForOneCaller) {
    std::vector<std::int64_t> ids;
    std::map<std::size_t, std::size_t> seen;  // by what was written before: two readers may answer in any order
    for (std::size_t i = 0; i < 200; ++i) {
        stores_->spool().append(message("bob@example.com", "o" + std::to_string(i)),
                                [&ids](Result<Appended> appended) { ids.push_back(appended.value().id); });
        if (i % 50 == 49)
            stores_->spool().load(jid("bob@example.com"), 0, 1000,
                                  [&seen, written = i + 1](Result<std::vector<storage::SpooledMessage>> messages) {
                                      seen[written] = messages.value().size();
                                  });
    }
    ASSERT_TRUE(executor_.run_until([&] { return ids.size() == 200 && seen.size() == 4; }));
    EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
    // A read sees at least what was written before it was asked for.
    for (const auto& [written, found] : seen) EXPECT_GE(found, written);

    std::optional<std::size_t> left;
    stores_->spool().remove(jid("bob@example.com"), ids, [](Result<void>) {});
    stores_->spool().usage(jid("bob@example.com"),
                           [&left](Result<storage::SpoolUsage> usage) { left = usage.value().messages; });
    ASSERT_TRUE(executor_.run_until([&] { return left.has_value(); }));
    EXPECT_EQ(*left, 0u);
}

}  // namespace parley::test
