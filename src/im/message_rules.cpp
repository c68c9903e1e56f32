#include "im/message_rules.hpp"

#include <algorithm>

#include "xmpp/ns.hpp"

namespace parley::im {
namespace {

namespace ns = xmpp::ns;
constexpr std::string_view chat_markers = "urn:xmpp:chat-markers:0";  // XEP-0333

bool has_hint(const xmpp::Stanza& message, std::string_view hint) {
    return message.child(ns::hints, hint) != nullptr;
}

bool has_any_of(const xmpp::Stanza& message, std::string_view space) {
    return std::any_of(message.children.begin(), message.children.end(),
                       [&](const xml::Element& child) { return child.ns() == space; });
}

bool has_own(const xmpp::Stanza& message,
             std::string_view name) {  // a child in the stanza's own namespace (RFC 6121 5.2)
    return message.child(ns::client, name) || message.child(ns::server, name);
}

bool is_invitation(const xmpp::Stanza& message) {
    if (message.child(ns::conference, "x")) return true;
    const auto* x = message.child(ns::muc_user, "x");
    return x && (x->child(ns::muc_user, "invite") || x->child(ns::muc_user, "decline"));
}

}  // namespace

MessageType message_type(const xmpp::Stanza& message) {
    if (message.type == "chat") return MessageType::chat;
    if (message.type == "groupchat") return MessageType::groupchat;
    if (message.type == "headline") return MessageType::headline;
    if (message.type == "error") return MessageType::error;
    return MessageType::normal;
}

bool is_stored_offline(const xmpp::Stanza& message) {
    switch (message_type(message)) {
        case MessageType::groupchat:
        case MessageType::headline:
        case MessageType::error: return false;
        case MessageType::normal:
        case MessageType::chat: break;
    }
    if (has_hint(message, "no-store")) return false;
    return has_own(message, "body") || has_own(message, "subject") || has_hint(message, "store") ||
           message.child(ns::receipts, "received") || is_invitation(message);
}

bool is_carbon_copied(const xmpp::Stanza& message) {
    const auto type = message_type(message);
    if (type == MessageType::groupchat || type == MessageType::headline || type == MessageType::error) return false;
    if (has_any_of(message, ns::carbons) || has_hint(message, "no-copy"))
        return false;  // <private/>, <received/>, <sent/>
    if (is_invitation(message)) return true;
    if (message.child(ns::muc_user, "x")) return false;
    return type == MessageType::chat || has_own(message, "body") || has_any_of(message, ns::receipts) ||
           has_any_of(message, ns::chat_states) || has_any_of(message, chat_markers);
}

std::vector<std::string> sent_copies(const xmpp::Stanza& message, const std::vector<ResourceState>& resources) {
    std::vector<std::string> copies;
    if (message.to.empty() || message.to.same_bare(message.from) || !is_carbon_copied(message)) return copies;
    for (const auto& resource : resources)
        if (resource.carbons && resource.name != message.from.resource()) copies.push_back(resource.name);
    return copies;
}

void remove_copy_hints(xmpp::Stanza& message) {
    message.remove(ns::carbons, "private");
    message.remove(ns::hints, "no-copy");
}

}  // namespace parley::im
