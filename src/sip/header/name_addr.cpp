#include "sip/header/name_addr.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "sip/limits.hpp"

namespace parley::sip {
namespace {

// *(token LWS), with bytes above ASCII tolerated: some peers leave the quotes out. Ends before "<".
std::string_view unquoted_display(Cursor& cursor) {
    const auto start = cursor.position();
    while (!cursor.at_end() && cursor.peek() != '<') {
        const char c = cursor.peek();
        const bool high = static_cast<unsigned char>(c) >= 0x80;
        if (c != ' ' && c != '\t' && !high && !is_token_character(c)) return {};
        cursor.accept(c);
    }
    return cursor.since(start);
}

}  // namespace

std::string NameAddr::display_text() const {
    const auto text = unquote(display);
    const bool clean = std::none_of(text.begin(), text.end(),
                                    [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    return clean && is_utf8(text) ? text : std::string{};
}

std::string NameAddr::to_string() const {
    std::string out = display;
    if (!out.empty()) out += ' ';
    return out.append("<").append(uri.text()).append(">").append(params.text());
}

Result<NameAddr> parse_name_addr(std::string_view value) {
    Cursor cursor{value};
    NameAddr out;
    cursor.skip_space();
    const auto start = cursor.position();
    if (cursor.peek() == '"') {
        const auto quoted = cursor.quoted();
        if (!quoted) return Error{Errc::malformed, "bad quoted display name"};
        out.display = std::string(*quoted);
        cursor.skip_space();
        if (cursor.peek() != '<') return Error{Errc::malformed, "display name without an address"};
    } else {
        const auto display = unquoted_display(cursor);
        if (cursor.peek() == '<')
            out.display = std::string(trim(display, " \t"));
        else
            cursor.seek(start);
    }
    const bool bracketed = cursor.accept('<');
    const auto text = bracketed ? cursor.until_any(">") : cursor.until_any(" \t;,?");
    if (bracketed && !cursor.accept('>')) return Error{Errc::malformed, "address without its closing bracket"};
    auto uri = Uri::parse(text);
    if (!uri) return uri.error();
    out.uri = *std::move(uri);
    auto params = Params::parse(cursor);  // refuses the "?" of an addr-spec
    if (!params) return params.error();
    if (!cursor.at_end()) return Error{Errc::malformed, "text after an address"};
    out.params = *std::move(params);
    return out;
}

Result<std::vector<NameAddr>> parse_name_addrs(const std::vector<std::string_view>& lines) {
    std::vector<NameAddr> out;
    for (const auto line : lines) {
        for (const auto value : split_list(line)) {
            auto one = parse_name_addr(value);
            if (!one) return one.error();
            out.push_back(*std::move(one));
            if (out.size() > limit::list_values) return Error{Errc::too_long, "too many addresses"};
        }
    }
    return out;
}

}  // namespace parley::sip
