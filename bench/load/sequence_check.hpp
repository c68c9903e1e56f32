#pragma once

#include <cstdint>
#include <set>

namespace parley::bench {

// Follows the numbers 0, 1, 2... that one sender gave to its messages as one receiver sees them.
class SequenceCheck {
public:
    enum class Verdict { in_order, reordered, doubled };

    Verdict see(std::uint64_t number) {
        if (number >= next_) {
            for (auto gap = next_; gap < number; ++gap) missing_.insert(gap);
            next_ = number + 1;
            return Verdict::in_order;
        }
        return missing_.erase(number) != 0 ? Verdict::reordered : Verdict::doubled;
    }
    // How many of the first `sent` numbers were never seen.
    std::uint64_t lost(std::uint64_t sent) const { return missing_.size() + (sent > next_ ? sent - next_ : 0); }

private:
    std::uint64_t next_ = 0;
    std::set<std::uint64_t> missing_;
};

}  // namespace parley::bench
