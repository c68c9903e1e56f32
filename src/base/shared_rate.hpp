#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/clock.hpp"

namespace parley {

// A sustained rate with a burst, for one partner on all its connections and so on all threads: one number, the time at
// which all that came would have come at the sustained rate (the "generic cell rate algorithm"). Nothing is refused:
// who is too early is told how long to wait.
class SharedRate {
public:
    static constexpr int burst_seconds = 2;

    // Zero: go on.
    Millis take(int per_second, SteadyTime now) {
        const std::int64_t step = 1'000'000 / std::clamp(per_second, 1, 1'000'000);
        const std::int64_t now_us = std::chrono::microseconds(now.time_since_epoch()).count();
        auto due = due_.load(std::memory_order_relaxed);
        std::int64_t next = 0;
        do next = std::max(due, now_us) + step;
        while (!due_.compare_exchange_weak(due, next, std::memory_order_relaxed));
        const auto early = next - now_us - std::int64_t{burst_seconds} * 1'000'000;
        return early <= 0 ? Millis{0} : Millis{1 + early / 1000};
    }

private:
    std::atomic<std::int64_t> due_{0};  // microseconds of the steady clock
};

// The rates of all partners, by domain, for all threads. One that nobody holds any more is forgotten.
class SharedRates {
public:
    std::shared_ptr<SharedRate> of(const std::string& domain) {
        const std::lock_guard lock(mutex_);
        auto& known = rates_[domain];
        auto rate = known.lock();
        if (rate) return rate;
        known = rate = std::make_shared<SharedRate>();
        std::erase_if(rates_, [](const auto& entry) { return entry.second.expired(); });
        return rate;
    }

private:
    std::mutex mutex_;
    std::unordered_map<std::string, std::weak_ptr<SharedRate>> rates_;
};

}  // namespace parley
