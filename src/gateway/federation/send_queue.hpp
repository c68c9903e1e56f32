#pragma once

#include <array>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/function.hpp"
#include "sip/ids.hpp"

namespace parley::gateway {

// So many a second, evenly: whoever counts our requests over any second finds one more at most. `burst` may go at once
// after a pause.
class Pace {
public:
    struct Rate {
        int per_second = 1;
        int burst = 1;
    };
    bool take(Rate rate, SteadyTime now);
    Millis wait(Rate rate, SteadyTime now) const;  // until take() can succeed

private:
    static std::chrono::microseconds step(Rate rate) { return std::chrono::microseconds{1'000'000 / rate.per_second}; }
    std::chrono::microseconds next_{};  // since the clock's beginning: when the pace would be met without a burst
};

// Requests that wait for a connection or for their turn on it. What people write goes first; notifications and
// subscriptions take turns behind it. Each kind keeps its order. One thread.
class SendQueue {
public:
    using Sent = Function<void(std::optional<sip::LinkId>)>;  // nothing: it could not be sent
    struct Item {
        std::string bytes;
        Sent sent;
        SteadyTime since;
    };
    void push(std::string bytes, Sent sent, SteadyTime now);
    Item pop();  // not when empty
    // Those that have waited since before then, taken out.
    std::vector<Item> older_than(SteadyTime then);
    std::vector<Item> all() { return older_than(SteadyTime::max()); }
    std::optional<SteadyTime> oldest() const;
    bool empty() const { return count_ == 0; }
    std::size_t size() const { return count_; }
    std::size_t bytes() const { return bytes_; }

private:
    enum Kind : std::size_t { text, notification, subscription, kinds };
    static Kind kind_of(std::string_view request);
    Item take_from(std::deque<Item>& queue);

    std::array<std::deque<Item>, kinds> queues_;
    std::size_t count_ = 0, bytes_ = 0;
    bool subscription_next_ = false;
};

}  // namespace parley::gateway
