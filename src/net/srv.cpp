#include "net/srv.hpp"

#include <algorithm>
#include <numeric>

namespace parley::net {

std::vector<SrvRecord> in_order_of_trial(std::vector<SrvRecord> records, Random& random) {
    // Weight 0 first, as RFC 2782 wants it: so they keep a small chance beside the others.
    std::stable_sort(records.begin(), records.end(), [](const auto& a, const auto& b) {
        return a.priority != b.priority ? a.priority < b.priority : a.weight == 0 && b.weight != 0;
    });
    for (auto at = records.begin(); at != records.end(); ++at) {
        const auto same = std::find_if(at, records.end(), [&](const auto& r) { return r.priority != at->priority; });
        const auto total =
            std::accumulate(at, same, std::uint64_t{0}, [](auto sum, const auto& r) { return sum + r.weight; });
        auto drawn = random.below(total + 1);
        auto chosen = at;
        while (drawn > chosen->weight) {
            drawn -= chosen->weight;
            ++chosen;
        }
        std::rotate(at, chosen, chosen + 1);  // the others keep their order
    }
    return records;
}

bool decidedly_absent(const std::vector<SrvRecord>& records) {
    return records.size() == 1 && records.front().target == ".";
}

}  // namespace parley::net
