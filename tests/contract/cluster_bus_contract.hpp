#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cluster/local/local_bus.hpp"
#include "tests/support/fake_executor.hpp"

namespace parley::test {

// How a contract gets the bus that it is to test: as the caller on `home` sees it. All slots belong to `owners`.
struct BusKind {
    std::string name;
    bool may_lose_casts;
    std::function<std::unique_ptr<cluster::ClusterBus>(cluster::LocalBus& owners, Executor& home)> make;
};
inline void PrintTo(const BusKind& kind, std::ostream* out) {
    *out << kind.name;
}

// The owner of some slots, as the bus demands it: one effect an origin, an answer to every copy.
struct OwnerOfSlots final : cluster::SlotHandler {
    explicit OwnerOfSlots(FakeExecutor& executor_) : executor(executor_) {}

    void on_hand(im::Envelope envelope, im::Settled settled) override {
        EXPECT_TRUE(executor.in_this_thread());
        ++handed[envelope.origin];
        const bool first = effects.emplace(envelope.origin, envelope.to.to_string()).second;
        const auto outcome = envelope.to.local() == "refused" ? im::Outcome(xmpp::stanza_error("forbidden", "no"))
                                                              : im::Outcome(im::accepted);
        if (first) order.push_back(envelope.origin);
        // After the commit, which takes a moment.
        commits.push_back(executor.after(commit, [settled = std::move(settled), outcome] { settled(outcome); }));
    }
    void on_cast(im::Envelope envelope) override {
        EXPECT_TRUE(executor.in_this_thread());
        ++casts[envelope.to.to_string()];
    }

    FakeExecutor& executor;
    Millis commit{5};
    std::vector<Timer> commits;
    std::map<std::string, int> handed, casts;
    std::map<std::string, std::string> effects;  // by origin
    std::vector<std::string> order;
};

// What everybody above may count on, whatever carries the envelopes.
class ClusterBusContract : public ::testing::TestWithParam<BusKind> {
protected:
    ClusterBusContract() {
        owners_.add_shard(near_, near_owner_);
        owners_.add_shard(far_, far_owner_);
        bus_ = GetParam().make(owners_, near_);
    }
    static im::Envelope envelope(const std::string& to, std::string origin = {}) {
        xmpp::Stanza stanza;
        stanza.to = xmpp::Jid::parse(to).value();
        auto made = im::envelope(std::move(stanza));
        made.origin = std::move(origin);
        return made;
    }
    void hand(const std::string& to, const std::string& origin) {
        auto one = envelope(to, origin);
        const auto slot = cluster::slot_of(one.to);
        near_.post([this, slot, one = std::move(one), origin]() mutable {
            bus_->hand(slot, std::move(one), [this, origin](im::Outcome outcome) {
                EXPECT_TRUE(near_.in_this_thread()) << "settled elsewhere than where it was asked";
                EXPECT_TRUE(near_owner_.effects.contains(origin) || far_owner_.effects.contains(origin));
                settled_[origin].push_back(outcome ? outcome->condition + ' ' + outcome->text : "accepted");
            });
        });
    }
    OwnerOfSlots& owner_of(const std::string& to) {
        return owners_.shard_of(cluster::slot_of(xmpp::Jid::parse(to).value())) == 0 ? near_owner_ : far_owner_;
    }
    static std::string user(int i) { return "user" + std::to_string(i) + "@example.com"; }

    FakeExecutor near_, far_{near_};
    OwnerOfSlots near_owner_{near_}, far_owner_{far_};
    cluster::LocalBus owners_;
    std::unique_ptr<cluster::ClusterBus> bus_;
    std::map<std::string, std::vector<std::string>> settled_;  // by origin
};

TEST_P(ClusterBusContract, EveryHandHasOneEffectAtItsOwnerAndOneAnswer) {
    constexpr int count = 300;
    for (int i = 0; i < count; ++i) hand(user(i), "o" + std::to_string(i));
    near_.advance(Millis{300'000});
    ASSERT_EQ(settled_.size(), static_cast<std::size_t>(count));
    for (const auto& [origin, outcomes] : settled_) EXPECT_EQ(outcomes, std::vector<std::string>{"accepted"}) << origin;
    EXPECT_EQ(near_owner_.effects.size() + far_owner_.effects.size(), static_cast<std::size_t>(count));
    EXPECT_GT(near_owner_.effects.size(), 50u);
    EXPECT_GT(far_owner_.effects.size(), 50u);
    for (int i = 0; i < count; ++i) {
        const auto origin = "o" + std::to_string(i);
        EXPECT_EQ(owner_of(user(i)).effects[origin], user(i));
    }
}

TEST_P(ClusterBusContract, TheOwnersRefusalComesBackAsItIs) {
    for (int i = 0; i < 40; ++i) hand("refused@" + std::to_string(i) + ".example.com", "o" + std::to_string(i));
    near_.advance(Millis{300'000});
    ASSERT_EQ(settled_.size(), 40u);
    for (const auto& [origin, outcomes] : settled_)
        EXPECT_EQ(outcomes, std::vector<std::string>{"forbidden no"}) << origin;
}

TEST_P(ClusterBusContract, NothingIsSettledBeforeItsOwnerHasCommitted) {
    near_owner_.commit = far_owner_.commit = Millis{60'000};
    for (int i = 0; i < 40; ++i) hand(user(i), "o" + std::to_string(i));
    near_.advance(Millis{59'999});
    EXPECT_TRUE(settled_.empty());
    EXPECT_EQ(near_owner_.effects.size() + far_owner_.effects.size(), 40u);
    near_.advance(Millis{600'000});
    ASSERT_EQ(settled_.size(), 40u);
    for (const auto& [origin, outcomes] : settled_) EXPECT_EQ(outcomes.size(), 1u) << origin;
}

// It may be handed over again while it waits for its answer, and settles who asked again from inside `settled`.
TEST_P(ClusterBusContract, AHandFromInsideSettledWorks) {
    int left = 20;
    std::function<void()> next = [&] {
        auto one = envelope(user(left), "chain" + std::to_string(left));
        const auto slot = cluster::slot_of(one.to);
        bus_->hand(slot, std::move(one), [&](im::Outcome) {
            if (--left > 0) next();
        });
    };
    near_.post([&] { next(); });
    near_.advance(Millis{600'000});
    EXPECT_EQ(left, 0);
    EXPECT_EQ(near_owner_.effects.size() + far_owner_.effects.size(), 20u);
}

TEST_P(ClusterBusContract, CastsReachTheirOwnerOnlyAndMayBeLost) {
    constexpr int count = 400;
    near_.post([this] {
        for (int i = 0; i < count; ++i) {
            auto one = envelope(user(i));
            const auto slot = cluster::slot_of(one.to);
            bus_->cast(slot, std::move(one));
        }
    });
    near_.advance(Millis{300'000});
    int arrived = 0;
    for (int i = 0; i < count; ++i) {
        auto& owner = owner_of(user(i));
        auto& other = &owner == &near_owner_ ? far_owner_ : near_owner_;
        EXPECT_FALSE(other.casts.contains(user(i)));
        arrived += owner.casts.contains(user(i)) ? 1 : 0;
        if (!GetParam().may_lose_casts) {
            EXPECT_EQ(owner.casts[user(i)], 1);
        }
    }
    EXPECT_GT(arrived, count / 4);
    EXPECT_TRUE(near_owner_.handed.empty());
    EXPECT_TRUE(far_owner_.handed.empty());
}

TEST_P(ClusterBusContract, ABusThatIsGoneSettlesNothing) {
    far_owner_.commit = near_owner_.commit = Millis{60'000};
    for (int i = 0; i < 40; ++i) hand(user(i), "o" + std::to_string(i));
    near_.advance(Millis{10'000});
    near_owner_.commits.clear();  // the owners stop first, as a process does
    far_owner_.commits.clear();
    bus_.reset();
    near_.advance(Millis{300'000});
    EXPECT_TRUE(settled_.empty());
}

}  // namespace parley::test
