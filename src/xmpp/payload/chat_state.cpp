#include "xmpp/payload/chat_state.hpp"

#include "xmpp/ns.hpp"

namespace parley::xmpp {

std::string_view to_string(ChatState state) {
    switch (state) {
        case ChatState::active: return "active";
        case ChatState::composing: return "composing";
        case ChatState::paused: return "paused";
        case ChatState::inactive: return "inactive";
        case ChatState::gone: return "gone";
    }
    return "active";
}

std::optional<ChatState> chat_state(const Stanza& message) {
    for (const auto state :
         {ChatState::active, ChatState::composing, ChatState::paused, ChatState::inactive, ChatState::gone})
        if (message.child(ns::chat_states, to_string(state))) return state;
    return std::nullopt;
}

xml::Element encode(ChatState state) {
    return xml::Element(ns::chat_states, to_string(state));
}

}  // namespace parley::xmpp
