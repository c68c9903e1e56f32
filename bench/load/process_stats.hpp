#pragma once

#include <cstdint>
#include <vector>

namespace parley::bench {

// What the kernel counts for whole processes, all their threads included.
struct ProcessStats {
    double cpu_us = 0;          // user and system
    std::uint64_t rss_kib = 0;  // VmRSS

    ProcessStats operator-(const ProcessStats& before) const;
};
ProcessStats measure(const std::vector<int>& pids);
double own_cpu_us();

}  // namespace parley::bench
