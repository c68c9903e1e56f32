#include "im/federation_policy.hpp"

namespace parley::im {

const DomainRule* FederationPolicy::rule(std::string_view domain) const {
    if (const auto found = rules.find(domain); found != rules.end()) return &found->second;
    for (auto dot = domain.find('.'); dot != std::string_view::npos; dot = domain.find('.', dot + 1)) {
        const auto parent = rules.find(domain.substr(dot + 1));
        if (parent != rules.end() && parent->second.subdomains) return &parent->second;
    }
    return nullptr;
}

bool FederationPolicy::may_begin(std::string_view domain, bool inbound) const {
    const auto* found = rule(domain);
    return !found || (inbound ? found->inbound : found->outbound);
}

bool FederationPolicy::xmpp_allowed(std::string_view domain) const {
    const auto* found = rule(domain);
    if (!found) return xmpp_default_allowed;
    return found->allowed && found->transport != Transport::sip;
}

bool FederationPolicy::sip_allowed(std::string_view domain) const {
    const auto* found = rule(domain);
    return found && found->allowed && found->transport != Transport::xmpp;
}

std::optional<Transport> FederationPolicy::route(std::string_view domain) const {
    const auto* found = rule(domain);
    if (found) return found->allowed ? std::optional(found->transport) : std::nullopt;
    // SIP needs a rule, so that a domain without one can only mean XMPP.
    return xmpp_default_allowed ? std::optional(Transport::xmpp) : std::nullopt;
}

DomainRule FederationPolicy::settings(std::string_view domain) const {
    if (const auto* found = rule(domain)) {
        auto settings = *found;
        settings.domain = domain;
        return settings;
    }
    DomainRule defaults;
    defaults.domain = domain;
    defaults.allowed = xmpp_default_allowed;
    defaults.transport = Transport::xmpp;
    return defaults;
}

bool begins(const xmpp::Stanza& stanza) {
    switch (stanza.kind) {
        case xmpp::Stanza::Kind::message: return !stanza.is_error();
        case xmpp::Stanza::Kind::presence: return stanza.type == "subscribe";
        case xmpp::Stanza::Kind::iq: break;
    }
    return stanza.is_request();
}

}  // namespace parley::im
