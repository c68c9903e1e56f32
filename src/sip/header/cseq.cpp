#include "sip/header/cseq.hpp"

#include "base/text.hpp"
#include "sip/header/cursor.hpp"
#include "sip/limits.hpp"

namespace parley::sip {

Result<CSeq> parse_cseq(std::string_view value) {
    Cursor cursor{value};
    cursor.skip_space();
    const auto digits = cursor.until_any(" \t");
    const auto number = parse_number<std::uint32_t>(digits);
    if (!number || *number > limit::max_cseq) return Error{Errc::malformed, "bad CSeq number"};
    cursor.skip_space();
    const auto method = cursor.token();
    cursor.skip_space();
    if (method.empty() || !cursor.at_end()) return Error{Errc::malformed, "bad CSeq method"};
    return CSeq{*number, method_from(method), std::string(method)};
}

}  // namespace parley::sip
