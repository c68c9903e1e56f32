#include "sip/header/numbers.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "sip/limits.hpp"

namespace parley::sip {

std::optional<Seconds> parse_delta(std::string_view text) {
    text = trim(text, " \t");
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return {};
    return Seconds{parse_number<std::uint32_t>(text).value_or(limit::max_delta)};
}

std::optional<Seconds> parse_retry_after(std::string_view value) {
    value = trim(value, " \t");
    return parse_delta(value.substr(0, value.find_first_of(" \t;(")));
}

std::optional<int> parse_max_forwards(std::string_view value) {
    const auto number = parse_delta(value);
    if (!number || *number > Seconds{255}) return {};
    return static_cast<int>(number->count());
}

bool is_sip_date(std::string_view value) {
    // "Sat, 13 Nov 2010 23:29:00 GMT"
    static constexpr std::array<std::string_view, 7> days{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    static constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    static constexpr std::string_view shape = "???, ## ??? #### ##:##:## GMT";
    if (value.size() != shape.size()) return false;
    for (std::size_t i = 0; i < shape.size(); ++i) {
        const bool digit = value[i] >= '0' && value[i] <= '9';
        if (shape[i] == '#' ? !digit : shape[i] != '?' && shape[i] != value[i]) return false;
    }
    return std::find(days.begin(), days.end(), value.substr(0, 3)) != days.end() &&
           std::find(months.begin(), months.end(), value.substr(8, 3)) != months.end();
}

}  // namespace parley::sip
