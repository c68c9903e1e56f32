#include "gateway/federation/foreign_domain.hpp"

#include "gateway/federation/settings.hpp"
#include "gateway/profile.hpp"

namespace parley::gateway {

std::string foreign_domain(const im::FederationPolicy& policy, std::string_view host) {
    auto domain = policy_domain(host);
    if (policy.rule(domain)) return domain;
    for (const auto& profile : profiles())
        for (const auto& [alias, to] : profile.aliases)
            if (alias == domain && policy.sip_allowed(to) && policy.settings(to).profile == profile.name)
                return std::string(to);
    return domain;
}

im::DomainRule clearing_house(const im::FederationPolicy& policy, const im::DomainRule& rule) {
    const auto usual = profile_or_simple(rule.profile).clearing_house;
    if (usual.empty()) return {};
    const auto house = rule.clearing_house.empty() ? std::string(usual) : policy_domain(rule.clearing_house);
    return house.empty() || house == rule.domain ? im::DomainRule{} : policy.settings(house);
}

}  // namespace parley::gateway
