#pragma once

#include "tests/contract/store_fixture.hpp"

namespace parley::test {

class OutboxStoreContract : public StoreContract {
protected:
    using Appended = storage::OutboxStore::Appended;

    static storage::OutboundStanza stanza(const std::string& origin, const std::string& body = "hello") {
        return {.id = 0,
                .from = jid("alice@example.com/desk"),
                .to = jid("bob@example.org"),
                .received = TimePoint{Millis{1'700'000'000'123}},
                .origin = origin,
                .stanza = "<message><body>" + body + "</body></message>"};
    }
    Result<Appended> append(const storage::OutboundStanza& stanza) {
        return wait<Appended>([&](auto done) { stores_->outbox().append(stanza, std::move(done)); });
    }
    std::vector<storage::OutboundStanza> load() {
        return wait<std::vector<storage::OutboundStanza>>(
                   [&](auto done) { stores_->outbox().load_all(std::move(done)); })
            .value();
    }
    Result<void> remove(std::vector<std::int64_t> ids) {
        return wait([&](auto done) { stores_->outbox().remove(std::move(ids), std::move(done)); });
    }
};

TEST_P(OutboxStoreContract, GivesBackOldestFirstAlsoAfterReopening) {
    EXPECT_TRUE(load().empty());
    auto first = stanza("o1", std::string(50'000, 'x'));
    auto second = stanza("o2");
    second.to = jid("example.org");
    first.id = append(first).value().id;
    second.id = append(second).value().id;
    EXPECT_EQ(load(), (std::vector{first, second}));
    reopen();
    EXPECT_EQ(load(), (std::vector{first, second}));
}

TEST_P(OutboxStoreContract, StoresAnOriginOnce) {
    const auto first = append(stanza("o1", "original")).value();
    EXPECT_FALSE(first.duplicate);
    reopen();
    const auto again = append(stanza("o1", "resent")).value();
    EXPECT_TRUE(again.duplicate);
    EXPECT_EQ(again.id, first.id);
    ASSERT_EQ(load().size(), 1u);
    EXPECT_NE(load().front().stanza.find("original"), std::string::npos);
}

TEST_P(OutboxStoreContract, RemembersARemovedOriginAlsoAfterReopening) {
    const auto id = append(stanza("o1")).value().id;
    ASSERT_TRUE(remove({id, 12345}));
    EXPECT_TRUE(load().empty());
    reopen();
    const auto again = append(stanza("o1")).value();
    EXPECT_TRUE(again.duplicate);
    EXPECT_EQ(again.id, id);
    const auto next = append(stanza("o2")).value();
    EXPECT_FALSE(next.duplicate);
    EXPECT_GT(next.id, id) << "an id never comes twice";
}

}  // namespace parley::test
