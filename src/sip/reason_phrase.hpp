#pragma once

#include <string_view>

namespace parley::sip {

// The phrase that the RFCs give a status code; "Error" where they give none.
std::string_view reason_phrase(int status);

}  // namespace parley::sip
