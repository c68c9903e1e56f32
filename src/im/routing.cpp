#include "im/routing.hpp"

#include <algorithm>

#include "im/message_rules.hpp"
#include "im/subscription.hpp"

namespace parley::im {
namespace {

RoutingDecision refuse() {
    RoutingDecision decision;
    decision.error = xmpp::stanza_error("service-unavailable");
    return decision;
}

bool is_connected(const Recipient& recipient, const std::string& name) {
    return std::any_of(recipient.resources.begin(), recipient.resources.end(),
                       [&](const ResourceState& resource) { return resource.name == name; });
}

// XEP-0280 7: who did not get the message itself gets a copy.
void add_copies(RoutingDecision& decision, const xmpp::Stanza& message, const Recipient& recipient) {
    if (!is_carbon_copied(message)) return;
    for (const auto& resource : recipient.resources)
        if (resource.carbons &&
            std::find(decision.deliver.begin(), decision.deliver.end(), resource.name) == decision.deliver.end())
            decision.copy.push_back(resource.name);
}

RoutingDecision deliver_to(std::vector<std::string> names) {
    RoutingDecision decision;
    decision.deliver = std::move(names);
    return decision;
}

RoutingDecision to_bare(const xmpp::Stanza& message, MessageType type, const Recipient& recipient) {  // 8.5.2
    auto names = most_available(recipient.resources);
    switch (type) {
        case MessageType::groupchat: return refuse();
        case MessageType::error: return {};
        case MessageType::headline: return deliver_to(std::move(names));
        case MessageType::normal:
        case MessageType::chat: break;
    }
    if (names.empty()) {
        RoutingDecision decision;
        decision.store = is_stored_offline(message);  // 8.5.2.2.1; what is not worth storing is not worth an error
        return decision;
    }
    // 8.5.2.1.1 leaves a choice; all of them, since we cannot know which one the user sits at.
    auto decision = deliver_to(std::move(names));
    add_copies(decision, message, recipient);
    return decision;
}

RoutingDecision route_message(const xmpp::Stanza& message, const xmpp::Jid& to, const Recipient& recipient) {
    const auto type = message_type(message);
    if (!recipient.exists) {  // 8.5.1
        if (type == MessageType::error || type == MessageType::headline) return {};
        return refuse();
    }
    if (to.is_bare()) return to_bare(message, type, recipient);
    if (is_connected(recipient, to.resource())) {  // 8.5.3.1
        auto decision = deliver_to({to.resource()});
        add_copies(decision, message, recipient);
        return decision;
    }
    switch (type) {  // 8.5.3.2.1
        case MessageType::chat: return to_bare(message, type, recipient);
        case MessageType::normal:
        case MessageType::groupchat: return refuse();
        case MessageType::headline:
        case MessageType::error: break;
    }
    return {};
}

RoutingDecision route_presence(const xmpp::Stanza& presence, const xmpp::Jid& to, const Recipient& recipient) {
    if (presence.type == "probe" ||
        subscription_type(presence.type)) {  // 3.1.3, 8.5.1; 4.3.2: also for who is not there
        RoutingDecision decision;
        decision.handle = recipient.exists || presence.type == "probe";
        return decision;
    }
    if (!recipient.exists) return {};
    if (!to.is_bare())  // 8.5.3
        return is_connected(recipient, to.resource()) ? deliver_to({to.resource()}) : RoutingDecision{};
    RoutingDecision decision;  // 8.5.2.1.2: whatever the priority
    for (const auto& resource : recipient.resources)
        if (resource.available) decision.deliver.push_back(resource.name);
    return decision;
}

RoutingDecision route_iq(const xmpp::Stanza& iq, const xmpp::Jid& to, const Recipient& recipient) {
    if (recipient.exists && to.is_bare()) {  // 8.5.2.1.3: never to a resource
        RoutingDecision decision;
        decision.handle = true;
        return decision;
    }
    if (recipient.exists && is_connected(recipient, to.resource())) return deliver_to({to.resource()});
    return iq.is_request() ? refuse() : RoutingDecision{};
}

}  // namespace

std::vector<std::string> most_available(const std::vector<ResourceState>& resources) {
    std::vector<std::string> names;
    for (const auto& resource : resources)
        if (resource.available && resource.priority >= 0) names.push_back(resource.name);
    return names;
}

RoutingDecision route(const xmpp::Stanza& stanza, const xmpp::Jid& to, const Recipient& recipient) {
    switch (stanza.kind) {
        case xmpp::Stanza::Kind::message: return route_message(stanza, to, recipient);
        case xmpp::Stanza::Kind::presence: return route_presence(stanza, to, recipient);
        case xmpp::Stanza::Kind::iq: return route_iq(stanza, to, recipient);
    }
    return {};
}

}  // namespace parley::im
