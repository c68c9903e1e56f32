#pragma once

#include <algorithm>

#include "base/clock.hpp"

namespace parley::server {

// A sustained rate with a burst. Who takes more than there is goes into debt, and is told how long to wait: nothing is
// lost, the peer is only read more slowly.
class TokenBucket {
public:
    // Tokens a second, and how many may come at once.
    TokenBucket(double rate, double burst) : rate_(rate), burst_(burst), level_(burst) {}

    // Zero: go on. Otherwise the time until the debt is paid.
    Millis take(double tokens, SteadyTime now) {
        if (last_ != SteadyTime{})
            level_ = std::min(burst_, level_ + rate_ * static_cast<double>((now - last_).count()) / 1000);
        last_ = now;
        level_ -= tokens;
        return level_ >= 0 ? Millis{0} : Millis{1 + static_cast<Millis::rep>(-level_ * 1000 / rate_)};
    }

private:
    double rate_, burst_, level_;
    SteadyTime last_{};
};

}  // namespace parley::server
