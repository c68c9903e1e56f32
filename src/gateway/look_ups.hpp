#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "base/executor.hpp"
#include "base/function.hpp"

namespace parley::gateway {

// The look-ups of `parleyctl federation test` (a SUBSCRIBE that ends at once): their notifications come by whatever
// connection the partner makes to us, and belong to no dialog of a user. From any thread; without a lock as long as no
// test runs.
class LookUps {
public:
    static constexpr std::size_t most = 64;

    // `notified` is posted to `executor` once, with the address that the notification came from. False: too many tests
    // at once, and it is not waited for.
    bool expect(std::string call_id, Executor& executor, Function<void(std::string)> notified) {
        const std::lock_guard lock(mutex_);
        if (waiting_.size() >= most) return false;
        waiting_[std::move(call_id)] = {&executor, std::move(notified)};
        any_.store(true, std::memory_order_release);
        return true;
    }
    void forget(const std::string& call_id) {
        const std::lock_guard lock(mutex_);
        waiting_.erase(call_id);
        any_.store(!waiting_.empty(), std::memory_order_release);
    }
    bool any() const { return any_.load(std::memory_order_acquire); }
    // Whether such a notification was waited for.
    bool take(std::string_view call_id, std::string address) {
        const std::lock_guard lock(mutex_);
        const auto found = waiting_.find(call_id);
        if (found == waiting_.end()) return false;
        if (auto notified = std::exchange(found->second.notified, nullptr))
            found->second.executor->post(
                [notified = std::move(notified), address = std::move(address)] { notified(address); });
        return true;
    }

private:
    struct Waiting {
        Executor* executor = nullptr;
        Function<void(std::string)> notified;
    };
    std::atomic<bool> any_{false};
    std::mutex mutex_;
    std::map<std::string, Waiting, std::less<>> waiting_;
};

}  // namespace parley::gateway
