#pragma once

#include <string_view>

#include "sip/message.hpp"

namespace parley::sip {

// RFC 3261 8.2.6: a response to `request`, with all its Via byte for byte, From, To, Call-ID and CSeq. `to_tag` is
// added to a To that has none, but not for a 100. A 1xx or 2xx that makes or keeps a dialog carries the Record-Route
// (12.1.1).
Message make_response(const Message& request, int status, std::string_view phrase, std::string_view to_tag);

// RFC 3261 20.43: why, for people, with code 399. `agent`: who says so, a host or a token.
void add_warning(Message& response, std::string_view agent, std::string_view words);

}  // namespace parley::sip
