#include "server/stream_management.hpp"

namespace parley::server {

void InboundAcks::settle(std::uint32_t number) {
    const std::uint32_t index = number - settled() - 1;
    if (index >= unsettled_.size()) return;  // settled before
    unsettled_[index] = false;
    while (!unsettled_.empty() && !unsettled_.front()) unsettled_.pop_front();
}

std::optional<std::uint32_t> InboundAcks::due() {
    // Signed distance: the counters wrap at 2^32.
    if (!asked_ || static_cast<std::int32_t>(settled() - *asked_) < 0) return std::nullopt;
    asked_.reset();
    return tell();
}

void UnackedQueue::push(Sent sent, std::size_t bytes) {
    waiting_.push_back(std::move(sent));
    sizes_.push_back(static_cast<std::uint32_t>(bytes));
    bytes_ += bytes;
}

std::optional<std::vector<UnackedQueue::Sent>> UnackedQueue::acknowledge(std::uint32_t h) {
    const std::uint32_t covered = h - acknowledged_;
    if (covered > waiting_.size()) return std::nullopt;
    std::vector<Sent> done;
    done.reserve(covered);
    for (std::uint32_t i = 0; i < covered; ++i) {
        done.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
        bytes_ -= sizes_.front();
        sizes_.pop_front();
    }
    acknowledged_ = h;
    return done;
}

Queue<UnackedQueue::Sent> UnackedQueue::take_all() {
    sizes_.clear();
    bytes_ = 0;
    return std::exchange(waiting_, {});
}

}  // namespace parley::server
