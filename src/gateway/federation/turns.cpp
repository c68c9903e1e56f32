#include "gateway/federation/turns.hpp"

namespace parley::gateway {
namespace {

// The partner's own window is not known, so it is long, and the number in it small enough for two of ours in one of
// theirs.
constexpr Seconds window{24 * 3600};

}  // namespace

void Turns::ask(Wish wish) {
    const std::size_t queue = (wish.online ? 0u : 2u) + (wish.first ? 1u : 0u);
    queues_[queue].push_back(std::move(wish));
}

void Turns::done() {
    if (taken_ > 0) --taken_;
}

void Turns::roll(SteadyTime now) {
    if (!window_ends_ || *window_ends_ > now) return;
    window_ends_.reset();
    met_.clear();
}

std::optional<Turns::Wish> Turns::pick(const Bounds& bounds, SteadyTime now) {
    for (std::size_t i = 0; i < queues_.size(); ++i) {
        auto& queue = queues_[i];
        if (queue.empty()) continue;
        const bool first = i % 2 == 1;
        if (first && bounds.first_contacts && !met_.contains(queue.front().person)) {
            if (met_.size() >= *bounds.first_contacts) {
                held_ = true;
                continue;
            }
            met_.insert(queue.front().person);
            if (!window_ends_) window_ends_ = now + window;
        }
        auto wish = std::move(queue.front());
        queue.pop_front();
        return wish;
    }
    return {};
}

std::vector<Function<void()>> Turns::take(const Bounds& bounds, SteadyTime now) {
    roll(now);
    held_ = false;
    std::vector<Function<void()>> go;
    while (taken_ < bounds.at_once) {
        auto wish = pick(bounds, now);
        if (!wish) break;
        ++taken_;
        go.push_back(std::move(wish->go));
    }
    return go;
}

std::optional<SteadyTime> Turns::next() const {
    return held_ ? window_ends_ : std::nullopt;
}

std::size_t Turns::waiting() const {
    std::size_t n = 0;
    for (const auto& queue : queues_) n += queue.size();
    return n;
}

bool Turns::idle(SteadyTime now) const {
    return taken_ == 0 && waiting() == 0 && (!window_ends_ || *window_ends_ <= now);
}

}  // namespace parley::gateway
