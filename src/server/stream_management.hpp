#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "im/envelope.hpp"
#include "server/queue.hpp"

namespace parley::server {

// What we have taken from the other side of a stream (XEP-0198 4). `h` is cumulative and promises durability, so a
// stanza counts only when it and all before it are settled: on disk, refused with an error, or of no consequence.
class InboundAcks {
public:
    explicit InboundAcks(std::uint32_t before = 0) : received_(before), told_(before) {}
    // A stanza has arrived; gives its number. Each number is settled once, in any order.
    std::uint32_t begin() {
        unsettled_.push_back(true);
        return ++received_;
    }
    void settle(std::uint32_t number);
    std::uint32_t settled() const {
        return received_ - static_cast<std::uint32_t>(unsettled_.size());
    }  // modulo 2^32, as the RFC's h
    std::uint32_t received() const { return received_; }
    bool settled_all() const { return unsettled_.empty(); }
    void request() { asked_ = received_; }  // <r/> came: answered when all that came before it is settled
    // The count to send now, which is then told.
    std::uint32_t tell() { return told_ = settled(); }
    std::uint32_t told() const { return told_; }
    // The `h` to send now, if an <r/> waits and may be answered.
    std::optional<std::uint32_t> due();

private:
    std::uint32_t received_;
    std::uint32_t told_;
    std::optional<std::uint32_t> asked_;
    Queue<bool> unsettled_;  // [0] is number settled() + 1
};

// What we have sent and the other side has not confirmed.
class UnackedQueue {
public:
    explicit UnackedQueue(std::uint32_t before = 0) : acknowledged_(before) {}
    struct Sent {
        im::Envelope envelope;
        std::int64_t spool_id = 0;  // the row that goes once this is acknowledged; 0: none
        // Of what its sender keeps, until the client has confirmed it or it is written after all.
        im::Settled settled{};
        SteadyTime since{};
        bool being_written = false;  // such a one, on its way to the disk
    };
    void push(Sent sent, std::size_t bytes);
    // <a h='..'/>. Gives back what it covers. Nothing: `h` is beyond what was sent (the stream ends: XEP-0198 4).
    std::optional<std::vector<Sent>> acknowledge(std::uint32_t h);
    const Queue<Sent>& waiting() const { return waiting_; }
    Queue<Sent>& waiting() { return waiting_; }
    Queue<Sent> take_all();
    std::size_t size() const { return waiting_.size(); }
    std::size_t bytes() const { return bytes_; }
    std::uint32_t acknowledged() const { return acknowledged_; }

private:
    Queue<Sent> waiting_;
    Queue<std::uint32_t> sizes_;
    std::size_t bytes_ = 0;
    std::uint32_t acknowledged_;
};

}  // namespace parley::server
