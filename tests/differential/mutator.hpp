#pragma once

#include <string>
#include <vector>

#include "base/random.hpp"

namespace parley::differential {

// One or two changes of a seed message: bytes, delimiters, whole lines, header names, numbers, and splices of two
// seeds.
std::string mutate(const std::vector<std::string>& seeds, Random& random);

}  // namespace parley::differential
