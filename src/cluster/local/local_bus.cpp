#include "cluster/local/local_bus.hpp"

namespace parley::cluster {

void LocalBus::Face::hand(Slot slot, im::Envelope envelope, im::Settled settled) {
    const auto& owner = bus_.shards_[bus_.shard_of(slot)];
    if (owner.executor == &home_) {
        owner.handler->on_hand(std::move(envelope), std::move(settled));
        return;
    }
    owner.executor->post([handler = owner.handler, home = &home_, envelope = std::move(envelope),
                          settled = std::move(settled)]() mutable {
        auto back = [home, settled = std::move(settled)](im::Outcome outcome) mutable {
            home->post([settled = std::move(settled), outcome = std::move(outcome)] { settled(outcome); });
        };
        handler->on_hand(std::move(envelope), std::move(back));
    });
}

void LocalBus::Face::cast(Slot slot, im::Envelope envelope) {
    const auto& owner = bus_.shards_[bus_.shard_of(slot)];
    if (owner.executor == &home_) {
        owner.handler->on_cast(std::move(envelope));
        return;
    }
    owner.executor->post(
        [handler = owner.handler, envelope = std::move(envelope)]() mutable { handler->on_cast(std::move(envelope)); });
}

}  // namespace parley::cluster
