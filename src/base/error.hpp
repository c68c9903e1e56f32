#pragma once

#include <string>

#include <boost/system/result.hpp>

namespace parley {

// Few kinds: what the program switches on. What a peer is told of each stands in one place per protocol
// (xmpp/stanza_error.hpp, gateway/mapping/error_tables.hpp).
enum class Errc {
    malformed,  // does not follow its grammar
    too_long,   // over one of our limits (base/limits.hpp)
    not_found,
    conflict,
    forbidden,  // policy says no
    timed_out,
    closed,   // the peer or the transport has gone
    storage,  // the disk did not take it: nothing may be acknowledged
};

// `detail` is for our log and for the administrator; it never leaves the server.
struct Error {
    Errc code;
    std::string detail;
    bool operator==(const Error&) const = default;
};

// `*r` after a check; `return r.error();` hands the error on. Exceptions are for bugs and for a start-up that cannot
// go on; what a peer can cause is a Result (docs/adr/0001-errors-as-results.md).
template <class T = void>
using Result = boost::system::result<T, Error>;

std::string_view to_string(Errc code);

// Found by argument-dependent look-up when `.value()` is called on a result that holds an error: a bug of ours.
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& where);

}  // namespace parley
