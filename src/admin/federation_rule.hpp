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

// A rule as it is kept: a profile that belongs to one protocol, or SIP's own options, say what `automatic` means.
im::DomainRule made_plain(im::DomainRule rule);

// "allow via sip, tls required, profile ocs": for the audit log and for people.
std::string describe(const im::DomainRule& rule);

// Old TLS (im::DomainRule::legacy_tls_until) is written as its last day, in UTC: "2027-03-31"; empty for never.
inline constexpr int longest_legacy_days = 400;
std::string legacy_last_day(const im::DomainRule& rule);
std::optional<TimePoint> parse_last_day(std::string_view text);  // when that day is over
std::optional<Message> why_legacy_invalid(const im::DomainRule& rule, TimePoint now);

// Why these settings cannot work together: each cell of TLS, dialback and transport that would never let a partner in
// is refused when it is set, not found out in the field.
std::optional<Message> why_invalid(const im::DomainRule& rule);

std::string_view to_string(im::Transport transport);  // "auto", "xmpp", "sip"
std::string_view to_string(im::TlsPolicy policy);     // "off", "optional", "required"
std::optional<im::Transport> parse_transport(std::string_view text);
std::optional<im::TlsPolicy> parse_tls_policy(std::string_view text);

}  // namespace parley::admin
