#include "cluster/fault/fault_bus.hpp"

#include "tests/contract/cluster_bus_contract.hpp"

namespace parley::test {
namespace {

using cluster::FaultBus;
using cluster::Faults;
using cluster::LocalBus;

BusKind local() {
    return {"Local", false, [](LocalBus& owners, Executor& home) -> std::unique_ptr<cluster::ClusterBus> {
                return std::make_unique<LocalBus::Face>(owners, home);
            }};
}

// A fault bus with the bus under it.
struct Faulty final : cluster::ClusterBus {
    Faulty(LocalBus& owners, Executor& home, std::uint64_t seed, Faults faults)
        : inner(owners, home), outer(inner, home, seed, faults) {}
    void hand(cluster::Slot slot, im::Envelope envelope, im::Settled settled) override {
        outer.hand(slot, std::move(envelope), std::move(settled));
    }
    void cast(cluster::Slot slot, im::Envelope envelope) override { outer.cast(slot, std::move(envelope)); }
    LocalBus::Face inner;
    FaultBus outer;
};

BusKind faulty(std::string name, std::uint64_t seed, Faults faults) {
    return {std::move(name), true,
            [seed, faults](LocalBus& owners, Executor& home) -> std::unique_ptr<cluster::ClusterBus> {
                return std::make_unique<Faulty>(owners, home, seed, faults);
            }};
}

const auto kinds = ::testing::Values(
    local(), faulty("NoFaults", 1, {.drop = 0, .twice = 0, .delay_most = Millis{0}}), faulty("Usual", 2, {}),
    faulty("OtherSeed", 3, {}), faulty("Twice", 4, {.drop = 0, .twice = 100}),
    faulty("Bad", 5, {.drop = 60, .twice = 50, .delay_most = Millis{5'000}, .resend_after = Millis{1'000}}));

INSTANTIATE_TEST_SUITE_P(Bus, ClusterBusContract, kinds, [](const auto& kind) { return kind.param.name; });

// The faults are there, or the contract proves nothing.
TEST(FaultBus, LosesDoublesAndReorders) {
    FakeExecutor home;
    OwnerOfSlots owner{home};
    LocalBus owners;
    owners.add_shard(home, owner);
    LocalBus::Face inner{owners, home};
    FaultBus bus{inner, home, 7, {}};
    int settled = 0;
    std::vector<std::string> sent;
    for (int i = 0; i < 200; ++i) {
        xmpp::Stanza stanza;
        stanza.to = xmpp::Jid::parse("user" + std::to_string(i) + "@example.com").value();
        auto one = im::envelope(std::move(stanza));
        one.origin = "o" + std::to_string(i);
        sent.push_back(one.origin);
        bus.cast(cluster::slot_of(one.to), one);
        bus.hand(cluster::slot_of(one.to), one, [&](im::Outcome) { ++settled; });
    }
    EXPECT_EQ(bus.unsettled(), 200u);
    home.advance(Millis{300'000});
    EXPECT_EQ(settled, 200);
    EXPECT_EQ(bus.unsettled(), 0u);
    EXPECT_EQ(home.pending(), 0u) << "nothing is sent again once it is settled";
    EXPECT_LT(owner.casts.size(), 200u);
    EXPECT_GT(bus.counters().resent, 20u);
    EXPECT_GT(bus.counters().dropped, 50u);
    EXPECT_GT(bus.counters().doubled, 50u);
    int doubled = 0;
    for (const auto& [origin, times] : owner.handed) doubled += times > 1 ? 1 : 0;
    EXPECT_GT(doubled, 20);
    EXPECT_NE(owner.order, sent);
}

TEST(FaultBus, TheSameSeedGivesTheSameFaults) {
    const auto run = [](std::uint64_t seed) {
        FakeExecutor home;
        OwnerOfSlots owner{home};
        LocalBus owners;
        owners.add_shard(home, owner);
        LocalBus::Face inner{owners, home};
        FaultBus bus{inner, home, seed, {}};
        for (int i = 0; i < 50; ++i) {
            xmpp::Stanza stanza;
            stanza.to = xmpp::Jid::parse("bob@example.com").value();
            auto one = im::envelope(std::move(stanza));
            one.origin = "o" + std::to_string(i);
            bus.hand(cluster::slot_of(one.to), one, [](im::Outcome) {});
        }
        home.advance(Millis{300'000});
        return owner.order;
    };
    EXPECT_EQ(run(1), run(1));
    EXPECT_NE(run(1), run(2));
}

// A node that cannot be reached for a while: what was handed over waits, and arrives.
TEST(FaultBus, SurvivesALongSilence) {
    FakeExecutor home;
    OwnerOfSlots owner{home};
    LocalBus owners;
    owners.add_shard(home, owner);
    LocalBus::Face inner{owners, home};
    FaultBus bus{inner, home, 9, {.drop = 100}};
    xmpp::Stanza stanza;
    stanza.to = xmpp::Jid::parse("bob@example.com").value();
    auto one = im::envelope(std::move(stanza));
    one.origin = "o";
    bool settled = false;
    bus.hand(cluster::slot_of(one.to), one, [&](im::Outcome) { settled = true; });
    home.advance(Millis{3'600'000});
    EXPECT_FALSE(settled);
    EXPECT_TRUE(owner.handed.empty());
    bus.set_faults({.drop = 0, .twice = 0});
    home.advance(Millis{3'000});
    EXPECT_TRUE(settled);
    EXPECT_EQ(owner.handed["o"], 1);
}

}  // namespace
}  // namespace parley::test
