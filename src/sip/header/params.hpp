#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "sip/header/cursor.hpp"

namespace parley::sip {

// RFC 3261 25.1   generic-param = token [ EQUAL gen-value ]     gen-value = token / host / quoted-string
// The parameters of a header value, kept as they were sent. A value may hold more than the grammar has (a bare IPv6
// address, base64): peers send it. A name that stands twice is refused: two readers could take different ones.
class Params {
public:
    Params() = default;
    // Reads *( SEMI generic-param ) from the cursor and stops at the end or at a comma.
    static Result<Params> parse(Cursor& cursor);

    const std::string& text() const { return text_; }  // ";a=b;c", "" if there is none
    // The value as sent, quotes included; "" for a parameter without a value.
    std::optional<std::string_view> get(std::string_view name) const;
    bool has(std::string_view name) const { return get(name).has_value(); }
    std::string unquoted(std::string_view name) const;

    void add(std::string_view name, std::string_view value);
    bool operator==(const Params&) const = default;

private:
    std::string text_;
};

}  // namespace parley::sip
