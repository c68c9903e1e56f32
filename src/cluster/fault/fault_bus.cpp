#include "cluster/fault/fault_bus.hpp"

#include <utility>

namespace parley::cluster {

FaultBus::FaultBus(ClusterBus& inner, Executor& home, std::uint64_t seed, Faults faults)
    : inner_(inner), home_(home), random_(seed), faults_(faults) {}

FaultBus::~FaultBus() = default;

void FaultBus::travel(std::function<void()> arrival) {
    if (happens(faults_.drop)) {
        ++counters_.dropped;
        return;
    }
    const bool twice = happens(faults_.twice);
    if (twice) ++counters_.doubled;
    for (int copy = 0; copy < (twice ? 2 : 1); ++copy) {
        const auto id = ++last_id_;
        const auto most = static_cast<std::uint64_t>(faults_.delay_most.count());
        const Millis delay{static_cast<Millis::rep>(random_.below(most + 1))};
        journeys_[id] = home_.after(delay, [this, id, arrival] {
            const auto ended = journeys_.extract(id);  // the timer lives until we are through
            arrival();
        });
    }
}

void FaultBus::hand(Slot slot, im::Envelope envelope, im::Settled settled) {
    const auto id = ++last_id_;
    pending_.emplace(id, Pending{slot, std::move(envelope), std::move(settled), {}});
    attempt(id);
}

void FaultBus::attempt(std::uint64_t id) {
    auto& pending = pending_.at(id);
    pending.resend = home_.after(faults_.resend_after, [this, id] {
        ++counters_.resent;
        attempt(id);
    });
    travel([this, id, slot = pending.slot, envelope = pending.envelope] { arrive(id, slot, envelope); });
}

// Also after it has been settled: a late copy reaches the owner all the same.
void FaultBus::arrive(std::uint64_t id, Slot slot, const im::Envelope& envelope) {
    inner_.hand(slot, envelope, [this, id, alive = std::weak_ptr(alive_)](im::Outcome outcome) {
        if (alive.expired()) return;
        travel([this, id, outcome = std::move(outcome)] { answered(id, outcome); });
    });
}

void FaultBus::answered(std::uint64_t id, const im::Outcome& outcome) {
    auto settled = pending_.extract(id);
    if (settled.empty()) return;  // the answer to another copy
    settled.mapped().resend.cancel();
    settled.mapped().settled(outcome);
}

void FaultBus::cast(Slot slot, im::Envelope envelope) {
    travel([this, slot, envelope = std::move(envelope)] { inner_.cast(slot, envelope); });
}

}  // namespace parley::cluster
