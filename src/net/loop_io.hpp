#pragma once

#include <memory>
#include <string>
#include <vector>

#include "net/poller.hpp"

namespace parley::net {

// Something that has work for the end of the turn. Internal to net.
class TurnEnd {
public:
    virtual ~TurnEnd() = default;
    virtual void on_turn_end() = 0;
};

// What the sockets of one EventLoop share. Used on the loop's thread only; it outlives the loop as long as a socket
// needs it, so that objects may be destroyed in any order at the end.
class LoopIo {
public:
    Poller poller;
    bool alive = true;  // false once the loop is being destroyed: nothing will run any more

    // One for all: a connection that waits keeps no buffer. Holds a whole TLS record (16 KiB) several times.
    std::vector<char>& read_buffer() {
        if (read_buffer_.empty()) read_buffer_.resize(std::size_t{64} * 1024);
        return read_buffer_;
    }

    // Output buffers go round, so that sending a stanza allocates nothing and an idle connection holds nothing.
    std::string take_buffer() {
        if (spare_.empty()) return {};
        auto buffer = std::move(spare_.back());
        spare_.pop_back();
        return buffer;
    }
    void give_buffer(std::string&& buffer) {
        if (spare_.size() >= 64 || buffer.capacity() > std::size_t{64} * 1024) {
            std::string().swap(buffer);
            return;
        }
        buffer.clear();
        spare_.push_back(std::move(buffer));
    }

    // The sockets' part of a turn: all that are ready, then what they left for the end.
    void dispatch(std::size_t ready) {
        dispatching_ = true;
        poller.dispatch(ready);
        dispatching_ = false;
        run_turn_ends();
    }

    // True when the caller has to post run_turn_ends(): outside of dispatch().
    bool add_turn_end(std::shared_ptr<TurnEnd> who) {
        turn_ends_.push_back(std::move(who));
        return turn_ends_.size() == 1 && !dispatching_;
    }
    void run_turn_ends() {
        const auto now = std::move(turn_ends_);
        turn_ends_.clear();
        for (const auto& who : now) who->on_turn_end();
    }

    // At the end of the loop: what waits is dropped.
    void close() {
        alive = false;
        turn_ends_.clear();
        poller.clear();
    }

private:
    std::vector<char> read_buffer_;
    std::vector<std::string> spare_;
    std::vector<std::shared_ptr<TurnEnd>> turn_ends_;
    bool dispatching_ = false;
};

}  // namespace parley::net
