#pragma once

#include <string>
#include <string_view>

#include "xml/element.hpp"

namespace parley::xml {

// Appends text with & < > and quotes escaped. Characters that XML 1.0 does not allow are left out.
void escape(std::string& out, std::string_view text);
void write_attribute(std::string& out, std::string_view name, std::string_view value);

// Appends the element. `ns` is the default namespace in force where it is written: what differs declares its own. Names
// in namespace `other`, if one is given, are written as names in `ns`.
void write(std::string& out, const Element& element, std::string_view ns = {}, std::string_view other = {});
std::string to_string(const Element& element, std::string_view ns = {});

}  // namespace parley::xml
