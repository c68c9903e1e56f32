#pragma once

#include <optional>
#include <string_view>

#include "xml/element.hpp"
#include "xmpp/stanza.hpp"

namespace parley::xmpp {

enum class ChatState { active, composing, paused, inactive, gone };  // XEP-0085

std::string_view to_string(ChatState state);
std::optional<ChatState> chat_state(const Stanza& message);
xml::Element encode(ChatState state);

}  // namespace parley::xmpp
