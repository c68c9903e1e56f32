#pragma once

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.hpp"

namespace parley::sip {

// At most one wake-up for each id, the earliest first. Most are set and put off or taken back again before their time:
// then only the id's own entry changes, and what the heap holds of it is put right when it comes to the top.
template <class Id>
class Deadlines {
public:
    void set(Id id, std::optional<SteadyTime> when) {
        if (!when) {
            of_.erase(id.value);
        } else {
            auto [entry, fresh] = of_.try_emplace(id.value, Entry{*when, *when});
            entry->second.when = *when;
            if (fresh || *when < entry->second.queued) push(id, entry->second);
        }
        if (heap_.size() > 2 * of_.size() + spare) rebuild();
    }
    std::optional<SteadyTime> next() const {
        settle_top();
        if (heap_.empty()) return {};
        return heap_.front().first;
    }
    // Those due at `now`; each is forgotten and must be set again.
    std::vector<Id> due(SteadyTime now) {
        std::vector<Id> ids;
        for (settle_top(); !heap_.empty() && heap_.front().first <= now; settle_top()) {
            ids.push_back(heap_.front().second);
            of_.erase(ids.back().value);
            pop();
        }
        return ids;
    }

private:
    struct Entry {
        SteadyTime when;
        SteadyTime queued;  // where it stands in the heap: not behind `when`
    };
    using Queued = std::pair<SteadyTime, Id>;
    static constexpr std::size_t spare = 64;

    static bool later(const Queued& a, const Queued& b) { return a > b; }
    void push(Id id, Entry& entry) const {
        entry.queued = entry.when;
        heap_.emplace_back(entry.when, id);
        std::push_heap(heap_.begin(), heap_.end(), later);
    }
    void pop() const {
        std::pop_heap(heap_.begin(), heap_.end(), later);
        heap_.pop_back();
    }
    // Afterwards the first of the heap is the earliest wake-up, if there is any.
    void settle_top() const {
        while (!heap_.empty()) {
            const auto [when, id] = heap_.front();
            const auto entry = of_.find(id.value);
            const bool holds = entry != of_.end() && entry->second.queued == when;
            if (holds && entry->second.when == when) return;
            pop();
            if (holds) push(id, entry->second);
        }
    }
    void rebuild() {
        heap_.clear();
        for (auto& [value, entry] : of_) {
            entry.queued = entry.when;
            heap_.emplace_back(entry.when, Id{value});
        }
        std::make_heap(heap_.begin(), heap_.end(), later);
    }

    mutable std::unordered_map<std::uint64_t, Entry> of_;
    mutable std::vector<Queued> heap_;
};

}  // namespace parley::sip
