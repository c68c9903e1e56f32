#include "admin/federation_rule.hpp"

#include <algorithm>

#include "admin/config_schema.hpp"
#include "base/text.hpp"

namespace parley::admin {
namespace {

constexpr std::size_t longest_comment = 1000;
constexpr std::size_t most_tls_names = 32;

bool is_next_hop(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return false;
    const auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
    auto host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    return port && *port != 0 && (is_numeric_address(std::string(host)) || is_domain_name(host));
}

}  // namespace

const std::vector<ProfileName>& profile_names() {
    using im::Transport;
    static const std::vector<ProfileName> names{
        {"simple", Transport::sip},       {"ocs", Transport::sip},         {"lync", Transport::sip},
        {"aol", Transport::sip},          {"sametime", Transport::sip},    {"cup", Transport::automatic},
        {"xmpp", Transport::xmpp},        {"googletalk", Transport::xmpp}, {"webex", Transport::xmpp},
        {"parley", Transport::automatic},
    };
    return names;
}

std::optional<Message> why_invalid(const im::DomainRule& rule) {
    using im::TlsPolicy;
    using im::Transport;
    if (rule.comment.size() > longest_comment)
        return Message{"rule.comment-too-long", {std::to_string(longest_comment)}};
    if (rule.tls_names.size() > most_tls_names || !std::all_of(rule.tls_names.begin(), rule.tls_names.end(),
                                                               [](const auto& name) { return is_domain_name(name); }))
        return Message{"rule.tls-name-form", {}};
    if (!rule.profile.empty()) {
        const auto& names = profile_names();
        const auto found =
            std::find_if(names.begin(), names.end(), [&](const ProfileName& p) { return p.name == rule.profile; });
        if (found == names.end()) {
            std::string known;
            for (const auto& name : names) known += (known.empty() ? "" : ", ") + std::string(name.name);
            return Message{"rule.profile-unknown", {rule.profile, known}};
        }
        if (found->transport != Transport::automatic && rule.transport != Transport::automatic &&
            found->transport != rule.transport)
            return Message{"rule.profile-other-transport", {rule.profile, std::string(to_string(found->transport))}};
    }
    if (!rule.next_hop.empty() && !is_next_hop(rule.next_hop)) return Message{"rule.next-hop-form", {rule.next_hop}};
    if (!rule.next_hop_tls && rule.next_hop.empty()) return Message{"rule.tcp-needs-next-hop", {}};
    if (rule.transport == Transport::sip && (rule.dialback || rule.plain_dialback))
        return Message{"rule.dialback-is-xmpp", {}};
    if (rule.plain_dialback && rule.tls == TlsPolicy::required) return Message{"rule.plain-dialback-with-tls", {}};
    if (rule.allowed && rule.transport != Transport::sip && rule.tls == TlsPolicy::off && !rule.plain_dialback)
        return Message{"rule.tls-off-needs-dialback", {}};
    return std::nullopt;
}

std::string_view to_string(im::Transport transport) {
    switch (transport) {
        case im::Transport::automatic: return "auto";
        case im::Transport::xmpp: return "xmpp";
        case im::Transport::sip: break;
    }
    return "sip";
}

std::string_view to_string(im::TlsPolicy policy) {
    switch (policy) {
        case im::TlsPolicy::off: return "off";
        case im::TlsPolicy::optional: return "optional";
        case im::TlsPolicy::required: break;
    }
    return "required";
}

std::optional<im::Transport> parse_transport(std::string_view text) {
    for (const auto transport : {im::Transport::automatic, im::Transport::xmpp, im::Transport::sip})
        if (to_string(transport) == text) return transport;
    return std::nullopt;
}

std::optional<im::TlsPolicy> parse_tls_policy(std::string_view text) {
    for (const auto policy : {im::TlsPolicy::off, im::TlsPolicy::optional, im::TlsPolicy::required})
        if (to_string(policy) == text) return policy;
    return std::nullopt;
}

}  // namespace parley::admin
