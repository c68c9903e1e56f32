#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

// The pieces of an HTML text as it comes: no tree, no recursion, no error.
namespace parley::gateway::html {

constexpr bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

struct Decoded {
    std::string text;
    std::size_t size;  // of the input, "&" and ";" included
};
// The character reference that starts `text`, if it is one.
std::optional<Decoded> reference_at(std::string_view text);

// How much of `html`, which starts with "<", is a comment; 0: it is none.
std::size_t comment_at(std::string_view html);
// Whether its "<" starts a tag, a declaration or the like, and is no text.
bool may_be_tag(std::string_view html);
// The inside of the tag that starts `html`, from behind "<" to before ">"; nothing if it never ends.
std::optional<std::string_view> tag_at(std::string_view html);
// Of a tag's inside: its name in lower case, and the value of an attribute, "" if it has none.
std::string name_of(std::string_view tag);
std::string attribute(std::string_view tag, std::string_view name);

std::size_t find_ignoring_case(std::string_view text, std::string_view what);

}  // namespace parley::gateway::html
