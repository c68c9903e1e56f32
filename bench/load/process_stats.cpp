#include "bench/load/process_stats.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

namespace parley::bench {
namespace {

// proc(5): the name in parentheses may hold spaces; utime and stime are the 12th and 13th field behind it.
double cpu_of(int pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    if (!std::getline(file, line)) throw std::runtime_error("process " + std::to_string(pid) + " is gone");
    std::istringstream fields(line.substr(line.rfind(')') + 1));
    std::string skipped;
    for (int i = 0; i < 11; ++i) fields >> skipped;
    double user = 0, system = 0;
    fields >> user >> system;
    return (user + system) * 1e6 / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::uint64_t rss_of(int pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("VmRSS:")) return std::stoull(line.substr(6));
    }
    throw std::runtime_error("process " + std::to_string(pid) + " is gone");
}

}  // namespace

ProcessStats ProcessStats::operator-(const ProcessStats& before) const {
    return {cpu_us - before.cpu_us, rss_kib > before.rss_kib ? rss_kib - before.rss_kib : 0};
}

ProcessStats measure(const std::vector<int>& pids) {
    ProcessStats sum;
    for (const int pid : pids) {
        sum.cpu_us += cpu_of(pid);
        sum.rss_kib += rss_of(pid);
    }
    return sum;
}

double own_cpu_us() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto micros = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
    };
    return micros(usage.ru_utime) + micros(usage.ru_stime);
}

}  // namespace parley::bench
