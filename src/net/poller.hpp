#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace parley::net {

// Something that waits for its descriptor. Internal to net.
class Pollable {
public:
    virtual ~Pollable() = default;
    virtual void on_ready(std::uint32_t epoll_events) = 0;
};

// A level-triggered epoll set for one thread. Its own descriptor becomes readable when one of its members is ready, so
// a whole turn of an event loop costs one wait in Asio however many sockets are ready. (Asio's own async_wait costs an
// epoll_ctl a wait, and level-triggering spares the read that only finds EAGAIN.)
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
    // Fetches what is ready now and calls each target once.
    void dispatch();
    int fd() const { return epoll_; }

private:
    struct Slot {
        std::shared_ptr<Pollable> target;
        int fd = -1;
        std::uint32_t generation = 1;
    };
    Slot* find(Id id);
    int epoll_;
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_;
};

}  // namespace parley::net
