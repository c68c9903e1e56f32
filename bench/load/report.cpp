#include "bench/load/report.hpp"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <sys/resource.h>
#include <unistd.h>

namespace parley::bench {

Report::Report(const Options& o) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    double load = 0;
    if (::getloadavg(&load, 1) != 1) load = -1;
    add("mode", o.mode).add("label", o.label).add("tls", o.direct_tls ? "direct" : "starttls");
    add("sasl", o.raw ? "none" : mechanism_name(o.mechanism)).add("sessions", o.sessions);
    add("window", o.window).add("body", o.body).add("concurrency", o.concurrency);
    add("open_files_limit", static_cast<double>(files.rlim_cur));
    add("processors", static_cast<double>(::sysconf(_SC_NPROCESSORS_ONLN))).add("load_before", load);
}

void Report::name(std::string_view name) {
    if (line_.size() > 1) line_ += ", ";
    line_.append("\"").append(name).append("\": ");
}

Report& Report::add(std::string_view key, double value) {
    name(key);
    char text[64];
    std::snprintf(text, sizeof text, value == std::floor(value) ? "%.0f" : "%.3f", value);
    line_ += text;
    return *this;
}

Report& Report::add(std::string_view key, std::string_view value) {
    name(key);
    line_ += '"';
    for (const char c : value) {
        if (c == '"' || c == '\\') line_ += '\\';
        line_ += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    line_ += '"';
    return *this;
}

void Report::print() const {
    std::printf("%s}\n", line_.c_str());
    std::fflush(stdout);
}

}  // namespace parley::bench
