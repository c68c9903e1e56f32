#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "base/executor.hpp"
#include "base/random.hpp"
#include "cluster/bus.hpp"

namespace parley::cluster {

// How bad the way between two nodes is. Chances in percent, for each envelope and each answer that travels.
struct Faults {
    unsigned drop = 20;
    unsigned twice = 20;
    Millis delay_most{500};      // each waits up to so long on its own: later ones overtake earlier ones
    Millis resend_after{2'000};  // without an answer
    bool operator==(const Faults&) const = default;
};

// A bus over a bad network: puts faults between a caller and any other bus, and keeps ClusterBus's promises in spite of
// them. For tests of what stands on a bus; the same seed gives the same faults.
//
//   hand  The envelope or its answer may be lost, doubled, late or overtaken. It is handed over again every
//         `resend_after` until an answer comes, for as long as this bus lives: at least once. `settled` runs once, with
//         the first answer, never inside the call, on `home`. The owner's handler must give a doubled origin one
//         effect and an answer each time; a hand-over without an origin may have its effect twice.
//   cast  May be lost, doubled, late or overtaken. Never sent again.
//
// There is no order between hand-overs, also of one caller: who needs one waits for `settled`. Destroying the bus drops
// what is under way; what has not been settled then never is. All calls on `home`'s thread, which outlives it, as does
// `inner`; that thread must be the one that `inner` settles on.
class FaultBus final : public ClusterBus {
public:
    FaultBus(ClusterBus& inner, Executor& home, std::uint64_t seed, Faults faults = {});
    ~FaultBus() override;

    void hand(Slot slot, im::Envelope envelope, im::Settled settled) override;
    void cast(Slot slot, im::Envelope envelope) override;

    void set_faults(Faults faults) { faults_ = faults; }  // from the next step of each journey on
    struct Counters {
        std::uint64_t dropped = 0, doubled = 0, resent = 0;
    };
    const Counters& counters() const { return counters_; }
    std::size_t unsettled() const { return pending_.size(); }

private:
    struct Pending {
        Slot slot;
        im::Envelope envelope;
        im::Settled settled;
        Timer resend;
    };
    void attempt(std::uint64_t id);
    void arrive(std::uint64_t id, Slot slot, const im::Envelope& envelope);
    void answered(std::uint64_t id, const im::Outcome& outcome);
    // Runs `arrival` never, once or twice, each after a delay of its own.
    void travel(std::function<void()> arrival);
    bool happens(unsigned percent) { return random_.below(100) < percent; }

    ClusterBus& inner_;
    Executor& home_;
    SeededRandom random_;
    Faults faults_;
    Counters counters_;
    std::map<std::uint64_t, Pending> pending_;  // hand-overs without an answer
    std::map<std::uint64_t, Timer> journeys_;   // what is on its way, in either direction
    std::uint64_t last_id_ = 0;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // tells late answers of `inner` that we are gone
};

}  // namespace parley::cluster
