#pragma once

#include "cluster/slot.hpp"
#include "im/envelope.hpp"

namespace parley::cluster {

// The owner's side of a slot.
class SlotHandler {
public:
    virtual ~SlotHandler() = default;
    // At least once: a doubled origin must have one effect. `settled` after the commit, on the handler's thread.
    virtual void on_hand(im::Envelope envelope, im::Settled settled) = 0;
    virtual void on_cast(im::Envelope envelope) = 0;
};

// Hands stanzas to the owner of a slot, wherever it is. Nothing above may ask whether that is this process.
class ClusterBus {
public:
    virtual ~ClusterBus() = default;
    // Acknowledged hand-over. `settled` runs once, on the caller's executor; without an answer the envelope is sent
    // again by the bus.
    virtual void hand(Slot slot, im::Envelope envelope, im::Settled settled) = 0;
    // May be lost or doubled: presence, typing, IQ.
    virtual void cast(Slot slot, im::Envelope envelope) = 0;
};

}  // namespace parley::cluster
