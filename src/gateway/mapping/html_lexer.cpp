#include "gateway/mapping/html_lexer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "base/text.hpp"

namespace parley::gateway::html {
namespace {

struct Reference {
    std::string_view name, text;
};
constexpr std::array references{
    Reference{"amp", "&"},   Reference{"lt", "<"},   Reference{"gt", ">"},
    Reference{"quot", "\""}, Reference{"apos", "'"}, Reference{"nbsp", " "},
};

std::string utf8(std::uint32_t code) {
    if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) code = 0xfffd;
    const auto byte = [](std::uint32_t value) { return static_cast<char>(static_cast<unsigned char>(value)); };
    if (code < 0x80) return {byte(code)};
    if (code < 0x800) return {byte(0xc0 | code >> 6), byte(0x80 | (code & 63))};
    if (code < 0x10000) return {byte(0xe0 | code >> 12), byte(0x80 | (code >> 6 & 63)), byte(0x80 | (code & 63))};
    return {byte(0xf0 | code >> 18), byte(0x80 | (code >> 12 & 63)), byte(0x80 | (code >> 6 & 63)),
            byte(0x80 | (code & 63))};
}

std::string decode_references(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        if (const auto reference = text[0] == '&' ? reference_at(text) : std::nullopt) {
            out += reference->text;
            text.remove_prefix(reference->size);
        } else {
            out += text[0];
            text.remove_prefix(1);
        }
    }
    return out;
}

}  // namespace

std::optional<Decoded> reference_at(std::string_view text) {
    constexpr std::size_t longest = 10;
    const auto end = text.substr(0, longest + 2).find(';');
    if (end == std::string_view::npos || end < 2) return std::nullopt;
    auto name = text.substr(1, end - 1);
    if (name[0] != '#') {
        for (const auto& reference : references)
            if (reference.name == name) return Decoded{std::string(reference.text), end + 1};
        return std::nullopt;
    }
    name.remove_prefix(1);
    const bool hex = !name.empty() && to_lower(name[0]) == 'x';
    if (hex) name.remove_prefix(1);
    std::uint32_t code = 0;
    const auto [stop, failed] = std::from_chars(name.data(), name.data() + name.size(), code, hex ? 16 : 10);
    if (failed != std::errc{} || stop != name.data() + name.size() || name.empty()) return std::nullopt;
    return Decoded{utf8(code), end + 1};
}

std::size_t comment_at(std::string_view html) {
    if (!html.starts_with("<!--")) return 0;
    const auto end = html.find("-->", 4);
    return end == std::string_view::npos ? html.size() : end + 3;
}

bool may_be_tag(std::string_view html) {
    return html.size() > 1 && (is_letter(html[1]) || html[1] == '/' || html[1] == '!' || html[1] == '?');
}

std::optional<std::string_view> tag_at(std::string_view html) {
    char quote = 0;
    for (std::size_t i = 1; i < html.size(); ++i) {
        if (quote != 0) {
            if (html[i] == quote) quote = 0;
        } else if (html[i] == '"' || html[i] == '\'') {
            quote = html[i];
        } else if (html[i] == '>') {
            return html.substr(1, i - 1);
        }
    }
    return std::nullopt;
}

std::string attribute(std::string_view tag, std::string_view name) {
    std::size_t i = 0;
    const auto skip = [&](auto wanted) {
        const auto start = i;
        while (i < tag.size() && wanted(tag[i])) ++i;
        return tag.substr(start, i - start);
    };
    skip([](char c) { return !is_space(c); });  // the tag's own name
    while (i < tag.size()) {
        skip([](char c) { return is_space(c) || c == '/'; });
        const auto key = skip([](char c) { return !is_space(c) && c != '=' && c != '/'; });
        skip(is_space);
        std::string_view value;
        if (i < tag.size() && tag[i] == '=') {
            ++i;
            skip(is_space);
            if (i < tag.size() && (tag[i] == '"' || tag[i] == '\'')) {
                const char quote = tag[i++];
                value = skip([&](char c) { return c != quote; });
                ++i;
            } else {
                value = skip([](char c) { return !is_space(c); });
            }
        } else if (key.empty()) {
            break;
        }
        if (equal_ignoring_case(key, name)) return decode_references(value);
    }
    return {};
}

std::size_t find_ignoring_case(std::string_view text, std::string_view what) {
    const auto found = std::search(text.begin(), text.end(), what.begin(), what.end(),
                                   [](char a, char b) { return to_lower(a) == to_lower(b); });
    return found == text.end() ? std::string_view::npos : static_cast<std::size_t>(found - text.begin());
}

std::string name_of(std::string_view tag) {
    if (tag.starts_with('/')) tag.remove_prefix(1);
    return to_lower(tag.substr(0, std::min(tag.find_first_of(" \t\r\n\f/"), tag.size())));
}

}  // namespace parley::gateway::html
