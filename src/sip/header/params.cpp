#include "sip/header/params.hpp"

#include <algorithm>

#include <boost/container/small_vector.hpp>

#include "base/text.hpp"

namespace parley::sip {
namespace {

struct Param {
    std::string_view name, value;
};

bool stands_in_value(char c) {
    switch (c) {
        case ';':
        case ',':
        case '"':
        case '<':
        case '>':
        case 0x7f: return false;
        default: return static_cast<unsigned char>(c) > 0x20;
    }
}

std::optional<Param> next_param(Cursor& cursor) {
    Param param{cursor.token(), {}};
    if (param.name.empty()) return {};
    if (!cursor.accept_spaced('=')) return param;
    if (cursor.peek() == '"') {
        const auto quoted = cursor.quoted();
        if (!quoted) return {};
        param.value = *quoted;
        return param;
    }
    param.value = cursor.while_it(stands_in_value);
    if (param.value.empty()) return {};
    return param;
}

}  // namespace

Result<Params> Params::parse(Cursor& cursor) {
    const auto start = cursor.position();
    boost::container::small_vector<std::string_view, 8> names;
    auto end = start;
    while (cursor.accept_spaced(';')) {
        const auto param = next_param(cursor);
        if (!param) return Error{Errc::malformed, "bad parameter"};
        const auto same = [&](std::string_view name) { return equal_ignoring_case(name, param->name); };
        if (std::any_of(names.begin(), names.end(), same)) return Error{Errc::malformed, "repeated parameter"};
        names.push_back(param->name);
        end = cursor.position();
    }
    cursor.skip_space();
    if (!cursor.at_end() && cursor.peek() != ',') return Error{Errc::malformed, "text after the parameters"};
    Params params;
    const auto back = cursor.position();
    cursor.seek(end);
    params.text_ = std::string(trim(cursor.since(start), " \t"));
    cursor.seek(back);
    return params;
}

std::optional<std::string_view> Params::get(std::string_view name) const {
    Cursor cursor{text_};
    while (cursor.accept_spaced(';')) {
        const auto param = next_param(cursor);
        if (!param) return {};
        if (equal_ignoring_case(param->name, name)) return param->value;
    }
    return {};
}

std::string Params::unquoted(std::string_view name) const {
    return unquote(get(name).value_or(""));
}

void Params::add(std::string_view name, std::string_view value) {
    text_.append(";").append(name);
    if (!value.empty()) text_.append("=").append(value);
}

}  // namespace parley::sip
