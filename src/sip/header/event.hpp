#pragma once

#include "sip/header/params.hpp"

namespace parley::sip {

// RFC 6665 8.2.1   Event = event-type *( SEMI event-param ). Package names are compared byte by byte, and so is "id"
// (8.2.1, 4.1.1).
struct Event {
    std::string package;
    std::string id;  // "" if there is none
    bool operator==(const Event&) const = default;
    std::string to_string() const { return id.empty() ? package : package + ";id=" + id; }
};

Result<Event> parse_event(std::string_view value);

}  // namespace parley::sip
