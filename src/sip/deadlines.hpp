#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/clock.hpp"

namespace parley::sip {

// At most one wake-up for each id, the earliest first.
template <class Id>
class Deadlines {
public:
    void set(Id id, std::optional<SteadyTime> when) {
        if (const auto old = of_.find(id); old != of_.end()) {
            if (when && *when == old->second) return;
            order_.erase({old->second, id});
            of_.erase(old);
        }
        if (!when) return;
        of_.emplace(id, *when);
        order_.emplace(*when, id);
    }
    std::optional<SteadyTime> next() const {
        if (order_.empty()) return {};
        return order_.begin()->first;
    }
    // Those due at `now`; each is forgotten and must be set again.
    std::vector<Id> due(SteadyTime now) {
        std::vector<Id> ids;
        while (!order_.empty() && order_.begin()->first <= now) {
            ids.push_back(order_.begin()->second);
            of_.erase(ids.back());
            order_.erase(order_.begin());
        }
        return ids;
    }

private:
    std::map<Id, SteadyTime> of_;
    std::set<std::pair<SteadyTime, Id>> order_;
};

}  // namespace parley::sip
