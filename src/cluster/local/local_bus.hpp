#pragma once

#include <vector>

#include "base/executor.hpp"
#include "cluster/bus.hpp"

namespace parley::cluster {

// One node: every slot is ours, and lives on one of our shards.
class LocalBus {
public:
    // Shards are added before the first hand-over, in order; slots are spread over them evenly.
    void add_shard(Executor& executor, SlotHandler& handler) { shards_.push_back({&executor, &handler}); }
    std::size_t shard_of(Slot slot) const { return slot * shards_.size() / slots; }
    std::size_t shard_count() const { return shards_.size(); }
    Executor& executor(std::size_t shard) const { return *shards_[shard].executor; }

    // The bus as shard `from` sees it: what it settles comes back to that shard's thread.
    class Face final : public ClusterBus {
    public:
        Face(LocalBus& bus, Executor& home) : bus_(bus), home_(home) {}
        void hand(Slot slot, im::Envelope envelope, im::Settled settled) override;
        void cast(Slot slot, im::Envelope envelope) override;

    private:
        LocalBus& bus_;
        Executor& home_;
    };

private:
    struct Shard {
        Executor* executor;
        SlotHandler* handler;
    };
    std::vector<Shard> shards_;
};

}  // namespace parley::cluster
