#include "gateway/federation/send_queue.hpp"

#include <algorithm>

namespace parley::gateway {
namespace {

using Micros = std::chrono::microseconds;

constexpr Micros tick{1'000};  // timers come up to so much late: that may not add up

Micros micros(SteadyTime time) {
    return std::chrono::duration_cast<Micros>(time.time_since_epoch());
}

}  // namespace

bool Pace::take(Rate rate, SteadyTime now) {
    if (wait(rate, now) > Millis{0}) return false;
    next_ = std::max(next_, micros(now) - tick) + step(rate);
    return true;
}

Millis Pace::wait(Rate rate, SteadyTime now) const {
    const auto due = next_ - step(rate) * (rate.burst - 1);
    return std::max(Millis{0}, std::chrono::ceil<Millis>(due - micros(now)));
}

SendQueue::Kind SendQueue::kind_of(std::string_view request) {
    if (request.starts_with("NOTIFY ")) return notification;
    if (request.starts_with("SUBSCRIBE ")) return subscription;
    return text;
}

void SendQueue::push(std::string bytes, Sent sent, SteadyTime now) {
    ++count_;
    bytes_ += bytes.size();
    auto& queue = queues_[kind_of(bytes)];
    queue.push_back({std::move(bytes), std::move(sent), now});
}

SendQueue::Item SendQueue::take_from(std::deque<Item>& queue) {
    auto item = std::move(queue.front());
    queue.pop_front();
    --count_;
    bytes_ -= item.bytes.size();
    return item;
}

SendQueue::Item SendQueue::pop() {
    if (!queues_[text].empty()) return take_from(queues_[text]);
    const bool both = !queues_[notification].empty() && !queues_[subscription].empty();
    const auto kind = both ? (subscription_next_ ? subscription : notification)
                           : (queues_[notification].empty() ? subscription : notification);
    subscription_next_ = kind == notification;
    return take_from(queues_[kind]);
}

std::vector<SendQueue::Item> SendQueue::older_than(SteadyTime then) {
    std::vector<Item> old;
    for (auto& queue : queues_)
        while (!queue.empty() && queue.front().since < then) old.push_back(take_from(queue));
    return old;
}

std::optional<SteadyTime> SendQueue::oldest() const {
    std::optional<SteadyTime> oldest;
    for (const auto& queue : queues_)
        if (!queue.empty() && (!oldest || queue.front().since < *oldest)) oldest = queue.front().since;
    return oldest;
}

}  // namespace parley::gateway
