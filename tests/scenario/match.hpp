#pragma once

#include <map>
#include <string>
#include <string_view>

#include "xml/element.hpp"

namespace parley::test {

using Variables = std::map<std::string, std::string, std::less<>>;

// `{any}` stands for any text; `{word}` for any text the first time, which it names, and for the same text from then
// on. `variables` changes only where everything matches.
bool matches_text(std::string_view pattern, std::string_view text, Variables& variables);

// Replaces each {word} that has a value.
std::string fill_in(std::string_view pattern, const Variables& variables);

// What the script says must be there; what it does not mention may be there too: attributes, children, text. But a
// stanza without a type is a stanza without a type, and the script's children come in its order. Gives what differs, ""
// when nothing does.
std::string mismatch(const xml::Element& expected, const xml::Element& actual, Variables& variables);

}  // namespace parley::test
