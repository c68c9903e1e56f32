#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/messages/message.hpp"
#include "im/federation_policy.hpp"

namespace parley::admin {

// The partner kinds that have a profile, and the transport each needs.
struct ProfileName {
    std::string_view name;
    im::Transport transport;  // automatic: either
};
const std::vector<ProfileName>& profile_names();

// Why these settings cannot work together: each cell of TLS, dialback and transport that would never let a partner in
// is refused when it is set, not found out in the field.
std::optional<Message> why_invalid(const im::DomainRule& rule);

std::string_view to_string(im::Transport transport);  // "auto", "xmpp", "sip"
std::string_view to_string(im::TlsPolicy policy);     // "off", "optional", "required"
std::optional<im::Transport> parse_transport(std::string_view text);
std::optional<im::TlsPolicy> parse_tls_policy(std::string_view text);

}  // namespace parley::admin
