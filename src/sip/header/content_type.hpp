#pragma once

#include "sip/header/params.hpp"

namespace parley::sip {

// RFC 3261 20.15   media-type = m-type SLASH m-subtype *( SEMI m-parameter )
struct ContentType {
    std::string type;  // "text/plain": lower case, without parameters
    Params params;
    bool is(std::string_view wanted) const { return type == wanted; }
};

Result<ContentType> parse_content_type(std::string_view value);

}  // namespace parley::sip
