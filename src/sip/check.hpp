#pragma once

#include <optional>

#include "sip/message.hpp"

namespace parley::sip {

// The header fields that decide where a message belongs, read by their grammar: start line, Via, From, To, Call-ID,
// CSeq, Max-Forwards, Content-Length, Contact, Route, Record-Route. RFC 3261 8.1.1, 16.3, 18.3. What parley does not
// use (Date, unknown header fields) is not looked at, as 16.3 asks.
std::optional<Problem> check(const Message& message);

}  // namespace parley::sip
