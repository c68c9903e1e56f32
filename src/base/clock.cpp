#include "base/clock.hpp"

namespace parley {

SteadyTime SystemClock::now() const {
    return std::chrono::time_point_cast<Millis>(std::chrono::steady_clock::now());
}

TimePoint SystemClock::wall() const {
    return std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now());
}

}  // namespace parley
