#pragma once

#include <vector>

#include "base/random.hpp"
#include "net/connection.hpp"

namespace parley::net {

// The order in which to try them (RFC 2782): by priority; inside one priority drawn by weight, anew at each call.
std::vector<SrvRecord> in_order_of_trial(std::vector<SrvRecord> records, Random& random);

// The one record with the target ".": the service is decidedly not offered, so that no fall-back may be tried either.
bool decidedly_absent(const std::vector<SrvRecord>& records);

}  // namespace parley::net
