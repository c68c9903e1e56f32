#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <sys/epoll.h>
#include <vector>

#include "base/clock.hpp"

namespace parley::net {

// Something that waits for its descriptor. Internal to net.
class Pollable {
public:
    virtual ~Pollable() = default;
    virtual void on_ready(std::uint32_t epoll_events) = 0;
};

// A level-triggered epoll set for one thread: one wait a turn however many sockets are ready, and no read that only
// finds EAGAIN.
class Poller {
public:
    using Id = std::uint64_t;  // 0: none
    Poller();
    ~Poller();
    Poller(const Poller&) = delete;
    Poller& operator=(const Poller&) = delete;

    // `target` is kept alive until remove(). EPOLLERR and EPOLLHUP always come, also with `events` 0.
    Id add(int fd, std::shared_ptr<Pollable> target, std::uint32_t events);
    void change(Id id, std::uint32_t events);
    void remove(Id id);  // no on_ready() after it, even for an event that is already fetched
    void clear();
    // Waits so long at most for something to be ready. Gives the number of events that dispatch() has to call for; a
    // signal ends the wait with 0.
    std::size_t wait(Millis longest);
    void dispatch(std::size_t count);  // calls each target of the last wait() once

private:
    struct Slot {
        std::shared_ptr<Pollable> target;
        int fd = -1;
        std::uint32_t generation = 1;
    };
    Slot* find(Id id);
    int epoll_;
    std::array<epoll_event, 256> ready_{};
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_;
};

}  // namespace parley::net
