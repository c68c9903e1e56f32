#pragma once

#include <string>

namespace parley {

// What counts as one address where peers are counted: the /64 of an IPv6 address, whose owner has all of it (as
// bytes); any other text is itself.
std::string address_block(const std::string& address);

}  // namespace parley
