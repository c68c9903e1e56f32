#pragma once

#include <string>
#include <string_view>

#include "bench/load/options.hpp"

namespace parley::bench {

// One JSON object on one line.
class Report {
public:
    explicit Report(const Options& options);  // begins with the mode, the label and what the run was limited by
    Report& add(std::string_view name, double value);
    Report& add(std::string_view name, std::string_view value);
    void print() const;

private:
    void name(std::string_view name);
    std::string line_ = "{";
};

}  // namespace parley::bench
