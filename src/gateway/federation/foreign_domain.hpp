#pragma once

#include <string>
#include <string_view>

#include "im/federation_policy.hpp"

namespace parley::gateway {

// Whose users those at this host are: the domain itself as the policy has it, or the one that it is an alias of
// (Profile::aliases), when the policy allows that one and has no rule for the alias. "" for what is no domain.
std::string foreign_domain(const im::FederationPolicy& policy, std::string_view host);

// The rule of the clearing house behind a domain's kind of partner, or the defaults for it; one without a domain when
// there is no such house, or when this domain is it.
im::DomainRule clearing_house(const im::FederationPolicy& policy, const im::DomainRule& rule);

}  // namespace parley::gateway
