#pragma once

#include <optional>
#include <string_view>

#include "xml/element.hpp"

namespace parley::gateway {

// An HTML message as XHTML-IM (XEP-0071): <html xmlns='http://jabber.org/protocol/xhtml-im'>. Built anew from nothing
// but the elements, attributes and style properties of its recommended profile, and without images, which would tell
// their server who has read the message: whatever else the input holds cannot come out. One pass, no recursion, no
// error. Nothing when there is no markup worth showing: the plain text says as much.
std::optional<xml::Element> html_to_xhtml(std::string_view html);

}  // namespace parley::gateway
