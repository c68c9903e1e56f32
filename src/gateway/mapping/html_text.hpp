#pragma once

#include <string>
#include <string_view>

namespace parley::gateway {

// What a person reads of an HTML message: tags taken out, paragraphs and list items on lines of their own, references
// decoded, scripts, styles and comments left out, the address of a link after its text. One pass over the input, no
// recursion, no error: what is no HTML comes out as text. Input and result are UTF-8; the result has not passed
// to_xml_text().
std::string html_to_text(std::string_view html);

}  // namespace parley::gateway
