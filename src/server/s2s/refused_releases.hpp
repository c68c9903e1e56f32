#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>

#include "base/clock.hpp"

namespace parley::server {

// Partners whose software has said that it is a release which we do not talk to, and why, in words. Asked anew after an
// hour: they may have moved on. From any thread; without a lock as long as there is none.
class RefusedReleases {
public:
    static constexpr std::chrono::hours kept{1};

    void add(const std::string& domain, std::string why, SteadyTime now) {
        const std::lock_guard lock(mutex_);
        std::erase_if(refused_, [&](const auto& entry) { return now - entry.second.since >= kept; });
        refused_[domain] = {std::move(why), now};
        any_.store(true, std::memory_order_release);
    }
    // Empty: none that we know of.
    std::string why(const std::string& domain, SteadyTime now) {
        if (!any_.load(std::memory_order_acquire)) return {};
        const std::lock_guard lock(mutex_);
        const auto found = refused_.find(domain);
        return found == refused_.end() || now - found->second.since >= kept ? std::string() : found->second.why;
    }

private:
    struct Refused {
        std::string why;
        SteadyTime since;
    };
    std::atomic<bool> any_{false};  // there has been one
    std::mutex mutex_;
    std::map<std::string, Refused> refused_;
};

}  // namespace parley::server
