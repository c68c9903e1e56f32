#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace parley {

// The whole of `text` as a decimal number, or nothing: no sign unless T is signed, no spaces, no overflow.
template <class T>
std::optional<T> parse_number(std::string_view text) {
    T value{};
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// ASCII only: what protocol tokens need, whatever the locale.
constexpr char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
std::string to_lower(std::string_view text);
bool equal_ignoring_case(std::string_view a, std::string_view b);
std::string_view trim(std::string_view text, std::string_view what = " \t\r\n");
std::vector<std::string_view> split(std::string_view text, char separator);

std::string join(const std::vector<std::string>& items);  // "a, b, c"

// Terminal columns, near enough: of UTF-8 only the first byte of each character counts.
std::size_t columns(std::string_view text);
std::string padded(std::string_view text, std::size_t width);  // with spaces behind it

bool is_utf8(std::string_view text);  // well-formed, without surrogates (RFC 3629)

// RFC 4648 section 4, strict: padding demanded, no line breaks, no stray bits.
std::string base64_encode(std::string_view bytes);
Result<std::string> base64_decode(std::string_view text);

std::string hex_encode(std::string_view bytes);
std::optional<std::string> hex_decode(std::string_view text);

}  // namespace parley
