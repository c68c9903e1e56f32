#pragma once

#include <cstdint>
#include <string>

#include "base/error.hpp"
#include "sip/method.hpp"

namespace parley::sip {

// RFC 3261 20.16   CSeq = 1*DIGIT LWS Method; the number is below 2^31 (8.1.1.5).
struct CSeq {
    std::uint32_t number = 0;
    Method method = Method::other;
    std::string method_text;

    std::string to_string() const { return std::to_string(number) + ' ' + method_text; }
};

Result<CSeq> parse_cseq(std::string_view value);

}  // namespace parley::sip
