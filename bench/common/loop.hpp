#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <sys/epoll.h>
#include <vector>

namespace parley::bench {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// What waits for a descriptor. It must outlive the poll() in which it was removed: hand it to Loop::retire().
class Pollable {
public:
    virtual ~Pollable() = default;
    virtual void on_ready(std::uint32_t events) = 0;
};

// One thread, one epoll, level-triggered: a reader may stop after one read, which saves the read that says "would
// block".
class Loop {
public:
    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    void add(int fd, Pollable& pollable, std::uint32_t events);
    void modify(int fd, Pollable& pollable, std::uint32_t events);
    void remove(int fd, Pollable& pollable);
    // Keeps the object until the present batch of events is over.
    void retire(std::unique_ptr<Pollable> pollable) { retired_.push_back(std::move(pollable)); }
    void poll(milliseconds wait);

    // Polls until `done` holds; false if the deadline came first.
    template <class Done>
    bool run_until(Done done, SteadyClock::time_point deadline) {
        while (!done()) {
            const auto left = std::chrono::ceil<milliseconds>(deadline - SteadyClock::now());
            if (left.count() <= 0) return false;
            poll(std::min(left, milliseconds{100}));
        }
        return true;
    }
    void run_for(milliseconds time) {
        run_until([] { return false; }, SteadyClock::now() + time);
    }

private:
    int epoll_;
    std::array<epoll_event, 512> events_{};
    std::span<epoll_event> batch_;
    std::vector<std::unique_ptr<Pollable>> retired_;
};

}  // namespace parley::bench
