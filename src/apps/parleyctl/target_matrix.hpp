#pragma once

#include <ostream>

#include "admin/report.hpp"

namespace parley::ctl {

// Of a test of a partner with several addresses: a line an address, a column a step, each with how it went and how long
// it took. Nothing is written for one address alone: its lines say it all.
void print_matrix(std::ostream& out, const admin::Report& report);

}  // namespace parley::ctl
