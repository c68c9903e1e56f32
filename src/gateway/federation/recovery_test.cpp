#include "gateway/federation/recovery.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/fake_executor.hpp"

namespace parley::gateway {
namespace {

using namespace std::chrono_literals;
using Sign = Recovery::Sign;
using Canary = Recovery::Canary;

struct Shards final : Recovery::Shards {
    std::size_t count() const override { return 3; }
    void ask_canary(std::size_t shard, const std::string&, SteadyTime since_) override {
        log += "ask " + std::to_string(shard) + "; ";
        since = since_;
    }
    void forgotten(const std::string& domain, SteadyTime since_) override {
        log += "forgotten " + domain + "; ";
        since = since_;
    }
    std::string log;
    SteadyTime since{};
};

struct RecoveryTest : testing::Test {
    void answer(Canary canary) { recovery.answered(d, canary); }
    std::string log() { return std::exchange(shards.log, {}); }
    test::FakeExecutor executor;
    Shards shards;
    Recovery recovery{executor, shards};
    const std::string d = "partner.example";
};

TEST_F(RecoveryTest, OneCanaryForAllShards) {
    recovery.suspect(d, Sign::link_lost);
    recovery.suspect(d, Sign::link_lost);
    EXPECT_EQ(log(), "ask 0; ");
    answer(Canary::none);
    EXPECT_EQ(log(), "ask 1; ");
    answer(Canary::alive);
    EXPECT_EQ(log(), "");  // an idle connection was closed, no more
    recovery.suspect(d, Sign::link_lost);
    for (int i = 0; i < 3; ++i) answer(Canary::none);
    EXPECT_EQ(log(), "ask 0; ask 1; ask 2; ");
    answer(Canary::alive);  // of nobody
    executor.advance(1h);
    EXPECT_EQ(log(), "");
}

TEST_F(RecoveryTest, ALostConnectionAndAnUnknownDialogAreProof) {
    const auto before = executor.clock().now();
    recovery.suspect(d, Sign::link_lost);
    executor.advance(2s);
    answer(Canary::unknown_dialog);
    EXPECT_EQ(log(), "ask 0; forgotten partner.example; ");
    EXPECT_EQ(shards.since, before);
}

TEST_F(RecoveryTest, SingleUnknownDialogsAreNot) {
    recovery.suspect(d, Sign::unknown_dialog);
    answer(Canary::unknown_dialog);
    answer(Canary::alive);
    EXPECT_EQ(log(), "ask 0; ask 0; ");
    recovery.suspect(d, Sign::unknown_dialog);
    answer(Canary::unknown_dialog);
    answer(Canary::unknown_dialog);
    EXPECT_EQ(log(), "ask 0; ask 0; forgotten partner.example; ");
}

TEST_F(RecoveryTest, GoesOnAskingUntilThePartnerIsBack) {
    recovery.suspect(d, Sign::link_lost);
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(log(), "ask 0; ");
        answer(Canary::unreachable);
        EXPECT_EQ(log(), "");
        executor.advance(3s);
    }
    executor.advance(2h);
    log();
    answer(Canary::unreachable);
    executor.advance(3s);
    EXPECT_EQ(log(), "");  // more seldom now
    executor.advance(27s);
    EXPECT_EQ(log(), "ask 0; ");
    answer(Canary::unknown_dialog);
    EXPECT_EQ(log(), "forgotten partner.example; ");
    executor.advance(1h);
    EXPECT_EQ(log(), "");
}

}  // namespace
}  // namespace parley::gateway
