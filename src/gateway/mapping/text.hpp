#pragma once

#include <string>
#include <string_view>

namespace parley::gateway {

// The longest start of `text` that is at most `most` bytes and does not cut a character in two.
std::string_view clip(std::string_view text, std::size_t most);

// Text as XML 1.0 can carry it: bytes that are no UTF-8, control characters and noncharacters become U+FFFD; CRLF and
// CR become LF. What a person wrote is shown damaged rather than lost.
std::string to_xml_text(std::string_view text);

}  // namespace parley::gateway
