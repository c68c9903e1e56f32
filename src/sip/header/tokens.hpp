#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sip/message.hpp"

namespace parley::sip {

// The values of all lines of a list header (Supported, Require, Accept, Allow, Allow-Events, ...), each without its
// parameters and in lower case; empty elements are left out. Option tags and media types are compared without case.
std::vector<std::string> list_values(const Message& message, HeaderId id);
bool list_has(const Message& message, HeaderId id, std::string_view value);

}  // namespace parley::sip
