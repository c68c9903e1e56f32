#pragma once

#include <string>

#include "sip/message.hpp"

namespace parley::sip {

// Why a peer said no, for our log and for the administrator: ms-diagnostics-public, ms-diagnostics, Warning and Reason
// of a response, as far as present, each "name: value" and joined by "; ". Control characters are left out; at most 512
// bytes.
std::string diagnostics_of(const Message& response);

}  // namespace parley::sip
