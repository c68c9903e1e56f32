#include "sip/header/content_type.hpp"

#include "base/text.hpp"

namespace parley::sip {

Result<ContentType> parse_content_type(std::string_view value) {
    Cursor cursor{value};
    cursor.skip_space();
    const auto type = cursor.token();
    if (type.empty() || !cursor.accept_spaced('/')) return Error{Errc::malformed, "bad media type"};
    const auto subtype = cursor.token();
    if (subtype.empty()) return Error{Errc::malformed, "bad media type"};
    auto params = Params::parse(cursor);
    if (!params) return params.error();
    if (!cursor.at_end()) return Error{Errc::malformed, "text after a media type"};
    return ContentType{to_lower(type) + '/' + to_lower(subtype), *std::move(params)};
}

}  // namespace parley::sip
