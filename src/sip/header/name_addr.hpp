#pragma once

#include <vector>

#include "sip/header/params.hpp"
#include "sip/uri.hpp"

namespace parley::sip {

// RFC 3261 20.10   name-addr / addr-spec, then header parameters: From, To, Contact, Route, Record-Route, Refer-To.
// In addr-spec form (no angle brackets) parameters belong to the header, and a "?" is an error.
struct NameAddr {
    std::string display;  // as sent, quotes included; "" if there is none
    Uri uri;
    Params params;

    std::string_view tag() const { return params.get("tag").value_or(""); }
    // The display name for people: unquoted, and "" when it is not clean UTF-8 (control characters count as unclean).
    std::string display_text() const;
    std::string to_string() const;  // always in name-addr form
};

Result<NameAddr> parse_name_addr(std::string_view value);  // one value
// The values of all lines of a header, in order.
Result<std::vector<NameAddr>> parse_name_addrs(const std::vector<std::string_view>& lines);

}  // namespace parley::sip
