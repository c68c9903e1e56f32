#include "sip/header/via.hpp"

#include "base/text.hpp"

namespace parley::sip {

namespace {
constexpr std::string_view cookie = "z9hG4bK";
}

std::string_view Via::branch() const {
    return params.get("branch").value_or("");
}

bool Via::has_rfc3261_branch() const {
    const auto value = branch();
    return value.size() > cookie.size() && equal_ignoring_case(value.substr(0, cookie.size()), cookie);
}

Result<Via> parse_via(std::string_view value) {
    Cursor cursor{value};
    Via via;
    cursor.skip_space();
    const auto protocol = cursor.token();
    if (protocol.empty() || !cursor.accept_spaced('/')) return Error{Errc::malformed, "Via without a protocol"};
    const auto version = cursor.token();
    if (version.empty() || !cursor.accept_spaced('/')) return Error{Errc::malformed, "Via without a version"};
    via.version.append(protocol).append("/").append(version);
    via.transport = std::string(cursor.token());
    const auto before = cursor.position();
    cursor.skip_space();
    if (via.transport.empty() || cursor.position() == before) return Error{Errc::malformed, "Via without a transport"};
    if (cursor.peek() == '[') {
        const auto start = cursor.position();
        cursor.until_any("]");
        if (!cursor.accept(']')) return Error{Errc::malformed, "Via with a bad address"};
        via.host = std::string(cursor.since(start));
    } else {
        via.host = std::string(cursor.until_any(" \t:;,"));
        // Server names of inside networks are not always host names; what is in none of them is refused.
        if (!is_token(via.host)) return Error{Errc::malformed, "Via without a host"};
    }
    if (cursor.accept_spaced(':')) {
        const auto port = parse_number<std::uint16_t>(cursor.until_any(" \t;,"));
        if (!port || *port == 0) return Error{Errc::malformed, "Via with a bad port"};
        via.port = *port;
    }
    auto params = Params::parse(cursor);
    if (!params) return params.error();
    if (!cursor.at_end()) return Error{Errc::malformed, "text after a Via"};
    via.params = *std::move(params);
    return via;
}

}  // namespace parley::sip
