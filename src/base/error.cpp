#include "base/error.hpp"

#include <stdexcept>

namespace parley {

std::string_view to_string(Errc code) {
    switch (code) {
        case Errc::malformed: return "malformed";
        case Errc::too_long: return "too long";
        case Errc::not_found: return "not found";
        case Errc::conflict: return "conflict";
        case Errc::forbidden: return "forbidden";
        case Errc::timed_out: return "timed out";
        case Errc::closed: return "closed";
        case Errc::storage: return "storage";
    }
    return "unknown";
}

void throw_exception_from_error(const Error& error, const boost::source_location&) {
    throw std::logic_error(std::string(to_string(error.code)) + ": " + error.detail);
}

}  // namespace parley
