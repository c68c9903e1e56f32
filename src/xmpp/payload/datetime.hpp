#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace parley::xmpp {

// XEP-0082 3.2: CCYY-MM-DDThh:mm:ss[.sss]TZD. More digits of a second than three are cut off; a leap second becomes the
// second after. malformed: anything else, also a day that the calendar does not have.
Result<TimePoint> parse_datetime(std::string_view text);
std::string format_datetime(TimePoint time);  // in UTC, with milliseconds only where there are some

// XEP-0082 3.3: the offset of a time zone, "Z" or (+|-)hh:mm.
Result<std::chrono::minutes> parse_timezone(std::string_view text);
std::string format_timezone(std::chrono::minutes offset);

}  // namespace parley::xmpp
