#include "sip/header/event.hpp"

namespace parley::sip {

Result<Event> parse_event(std::string_view value) {
    Cursor cursor{value};
    cursor.skip_space();
    Event event{std::string(cursor.token()), {}};
    if (event.package.empty()) return Error{Errc::malformed, "Event without a package"};
    const auto params = Params::parse(cursor);
    if (!params) return params.error();
    if (!cursor.at_end()) return Error{Errc::malformed, "text after an Event"};
    event.id = std::string(params->get("id").value_or(""));
    return event;
}

}  // namespace parley::sip
