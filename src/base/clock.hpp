#pragma once

#include <chrono>

namespace parley {

using Millis = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;
// Wall clock, for what people and other servers read: stamps, expiry dates.
using TimePoint = std::chrono::sys_time<Millis>;
// For deadlines and intervals: never jumps.
using SteadyTime = std::chrono::time_point<std::chrono::steady_clock, Millis>;

class Clock {
public:
    virtual ~Clock() = default;
    virtual SteadyTime now() const = 0;
    virtual TimePoint wall() const = 0;
};

class SystemClock final : public Clock {
public:
    SteadyTime now() const override;
    TimePoint wall() const override;
};

}  // namespace parley
