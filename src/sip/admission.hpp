#pragma once

#include <string>

namespace parley::sip {

// May a request come in? With status 0 it may. Otherwise it is refused so; `words`, for people, go with the refusal as
// a Warning of code 399 (RFC 3261 20.43).
struct Admission {
    int status = 0;
    std::string words{};
};

}  // namespace parley::sip
