#pragma once

#include <atomic>
#include <set>

#include "tests/contract/store_fixture.hpp"

namespace parley::test {

class EngineContract : public StoreContract {};

TEST_P(EngineContract, MakesASecretOnceAndKeepsIt) {
    const auto dialback = engine_->secret("dialback");
    EXPECT_GE(dialback.size(), 64u);
    EXPECT_EQ(engine_->secret("dialback"), dialback);
    EXPECT_NE(engine_->secret("cluster"), dialback);
    reopen();
    EXPECT_EQ(engine_->secret("dialback"), dialback);
}

TEST_P(EngineContract, FinishesWhatIsQueuedWhenItIsClosed) {
    std::size_t answers = 0;
    for (int i = 0; i < 100; ++i) {
        storage::DialogRow row{1, "call" + std::to_string(i), "record"};
        stores_->dialogs().put(std::move(row), [&answers](Result<void> done) { answers += done.has_value(); });
    }
    reopen();
    ASSERT_TRUE(executor_.run_until([&] { return answers == 100; }));
    const auto rows =
        wait<std::vector<storage::DialogRow>>([&](auto done) { stores_->dialogs().load(1, 1, std::move(done)); });
    EXPECT_EQ(rows.value().size(), 100u);
}

}  // namespace parley::test
