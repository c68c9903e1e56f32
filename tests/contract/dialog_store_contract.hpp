#pragma once

#include "tests/contract/store_fixture.hpp"

namespace parley::test {

class DialogStoreContract : public StoreContract {
protected:
    Result<void> put(std::uint16_t slot, const std::string& key, const std::string& record) {
        return wait([&](auto done) { stores_->dialogs().put({slot, key, record}, std::move(done)); });
    }
    Result<void> remove(std::uint16_t slot, const std::string& key) {
        return wait([&](auto done) { stores_->dialogs().remove(slot, key, std::move(done)); });
    }
    std::vector<storage::DialogRow> load(std::uint16_t first, std::uint16_t last) {
        return wait<std::vector<storage::DialogRow>>(
                   [&](auto done) { stores_->dialogs().load(first, last, std::move(done)); })
            .value();
    }
};

TEST_P(DialogStoreContract, LoadsARangeOfSlotsAlsoAfterReopening) {
    const std::string binary("a\0b\xff", 4);
    ASSERT_TRUE(put(0, "call-1;tag", binary));
    ASSERT_TRUE(put(7, "call-2;tag", "two"));
    ASSERT_TRUE(put(1023, "call-3;tag", std::string(20'000, 'r')));
    for (int round = 0; round < 2; ++round) {
        EXPECT_EQ(load(0, 1023).size(), 3u);
        EXPECT_EQ(load(0, 6), (std::vector<storage::DialogRow>{{0, "call-1;tag", binary}}));
        EXPECT_EQ(load(7, 7), (std::vector<storage::DialogRow>{{7, "call-2;tag", "two"}}));
        EXPECT_TRUE(load(8, 1022).empty());
        reopen();
    }
}

TEST_P(DialogStoreContract, ReplacesTheRowOfASlotAndKey) {
    ASSERT_TRUE(put(3, "call", "old"));
    ASSERT_TRUE(put(4, "call", "another slot's"));
    ASSERT_TRUE(put(3, "call", "new"));
    EXPECT_EQ(load(0, 1023), (std::vector<storage::DialogRow>{{3, "call", "new"}, {4, "call", "another slot's"}}));
}

TEST_P(DialogStoreContract, WhatNobodyWaitsForIsSeenByWhoComesLater) {
    stores_->dialogs().put({3, "a", "1"}, {});
    stores_->dialogs().put({3, "b", "2"}, {});
    EXPECT_EQ(load(0, 1023).size(), 2u);
    stores_->dialogs().remove(3, "a", {});
    stores_->dialogs().put({3, "b", "3"}, {});
    reopen();
    EXPECT_EQ(load(0, 1023), (std::vector<storage::DialogRow>{{3, "b", "3"}}));
}

TEST_P(DialogStoreContract, RemovesOneRow) {
    ASSERT_TRUE(put(3, "a", "1"));
    ASSERT_TRUE(put(3, "b", "2"));
    ASSERT_TRUE(remove(3, "a"));
    EXPECT_TRUE(remove(3, "a")) << "gone is gone";
    EXPECT_TRUE(remove(4, "b"));
    EXPECT_EQ(load(0, 1023), (std::vector<storage::DialogRow>{{3, "b", "2"}}));
}

}  // namespace parley::test
