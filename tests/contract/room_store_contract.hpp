#pragma once

#include "tests/contract/store_fixture.hpp"

namespace parley::test {

class RoomStoreContract : public StoreContract {
protected:
    using Loaded = storage::RoomStore::Loaded;
    using Listed = storage::RoomStore::Listed;

    static storage::RoomRow row(std::string_view room, const std::string& record = "<room/>", bool listed = true) {
        return {jid(room), jid("alice@example.com"), "Name of it", listed, record};
    }
    static storage::RoomMessage message(const std::string& origin) {
        return {TimePoint{Millis{1'700'000'000'123}}, origin, "<message><body>" + origin + "</body></message>"};
    }
    Result<void> create(const storage::RoomRow& row, storage::RoomQuota quota = {100, 100}) {
        return wait([&](auto done) { stores_->rooms().create(row, quota, std::move(done)); });
    }
    Result<void> put(const storage::RoomRow& row) {
        return wait([&](auto done) { stores_->rooms().put(row, std::move(done)); });
    }
    Result<Loaded> load(std::string_view room) {
        return wait<Loaded>([&](auto done) { stores_->rooms().load(jid(room), std::move(done)); });
    }
    Result<void> remove(std::string_view room) {
        return wait([&](auto done) { stores_->rooms().remove(jid(room), std::move(done)); });
    }
    Result<bool> append(std::string_view room, const std::string& origin, std::size_t keep = 10) {
        return wait<bool>(
            [&](auto done) { stores_->rooms().append(jid(room), message(origin), keep, std::move(done)); });
    }
    std::vector<Listed> list(const std::string& domain) {
        return wait<std::vector<Listed>>([&](auto done) { stores_->rooms().list(domain, std::move(done)); }).value();
    }
};

TEST_P(RoomStoreContract, KeepsARoomWithItsMessagesAlsoAfterReopening) {
    EXPECT_EQ(load("a@rooms.example").error().code, Errc::not_found);
    EXPECT_EQ(put(row("a@rooms.example")).error().code, Errc::not_found);
    EXPECT_EQ(append("a@rooms.example", "o1").error().code, Errc::not_found);
    ASSERT_TRUE(create(row("a@rooms.example", "first")));
    EXPECT_EQ(create(row("a@rooms.example", "other")).error().code, Errc::conflict);
    EXPECT_EQ(append("a@rooms.example", "o1").value(), false);
    EXPECT_EQ(append("a@rooms.example", "o2").value(), false);
    ASSERT_TRUE(put(row("a@rooms.example", "second")));
    reopen();
    const auto loaded = load("a@rooms.example/nick").value();
    EXPECT_EQ(loaded.record, "second") << "a full JID means its room";
    EXPECT_EQ(loaded.history, (std::vector{message("o1"), message("o2")}));
}

TEST_P(RoomStoreContract, KeepsAnOriginOnceAndOnlyTheNewest) {
    ASSERT_TRUE(create(row("a@rooms.example")));
    ASSERT_TRUE(create(row("b@rooms.example")));
    for (const auto* origin : {"o1", "o2", "o3", "o4"}) ASSERT_EQ(append("a@rooms.example", origin, 3).value(), false);
    EXPECT_EQ(append("a@rooms.example", "o3", 3).value(), true);
    EXPECT_EQ(append("b@rooms.example", "o3", 3).value(), false) << "another room";
    EXPECT_EQ(load("a@rooms.example")->history, (std::vector{message("o2"), message("o3"), message("o4")}));
    EXPECT_EQ(load("b@rooms.example")->history, std::vector{message("o3")});
}

TEST_P(RoomStoreContract, RefusesMoreRoomsThanTheQuota) {
    ASSERT_TRUE(create(row("a@rooms.example"), {3, 2}));
    ASSERT_TRUE(create(row("b@rooms.example"), {3, 2}));
    EXPECT_EQ(create(row("c@rooms.example"), {3, 2}).error().code, Errc::too_long);
    auto of_bob = row("c@rooms.example");
    of_bob.creator = jid("bob@example.com");
    ASSERT_TRUE(create(of_bob, {3, 2}));
    of_bob.room = jid("d@rooms.example");
    EXPECT_EQ(create(of_bob, {3, 2}).error().code, Errc::too_long) << "all together";
}

TEST_P(RoomStoreContract, ListsTheListedOfADomainSorted) {
    ASSERT_TRUE(create(row("b@rooms.example")));
    ASSERT_TRUE(create(row("a@rooms.example")));
    ASSERT_TRUE(create(row("hidden@rooms.example", "<room/>", false)));
    ASSERT_TRUE(create(row("c@rooms.example.org")));
    EXPECT_EQ(list("rooms.example"),
              (std::vector<Listed>{{jid("a@rooms.example"), "Name of it"}, {jid("b@rooms.example"), "Name of it"}}));
}

TEST_P(RoomStoreContract, RemovesARoomWithItsMessages) {
    ASSERT_TRUE(create(row("a@rooms.example")));
    ASSERT_TRUE(append("a@rooms.example", "o1"));
    ASSERT_TRUE(remove("a@rooms.example"));
    EXPECT_EQ(remove("a@rooms.example").error().code, Errc::not_found);
    EXPECT_EQ(load("a@rooms.example").error().code, Errc::not_found);
    ASSERT_TRUE(create(row("a@rooms.example")));
    EXPECT_TRUE(load("a@rooms.example")->history.empty());
    EXPECT_EQ(append("a@rooms.example", "o1").value(), false);
}

}  // namespace parley::test
