#include "im/federation_policy.hpp"

namespace parley::im {

const DomainRule* FederationPolicy::rule(std::string_view domain) const {
    const auto found = rules.find(domain);
    return found == rules.end() ? nullptr : &found->second;
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
    if (const auto* found = rule(domain)) return *found;
    DomainRule defaults;
    defaults.domain = domain;
    defaults.allowed = xmpp_default_allowed;
    defaults.transport = Transport::xmpp;
    return defaults;
}

}  // namespace parley::im
