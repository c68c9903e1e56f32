#include "admin/federation_rule.hpp"

#include <algorithm>
#include <cstdio>

#include "admin/config_schema.hpp"
#include "base/text.hpp"
#include "im/xmpp_profile.hpp"

namespace parley::admin {
namespace {

constexpr std::size_t longest_comment = 1000;
constexpr std::size_t most_tls_names = 32;
constexpr std::size_t longest_release = 64;

bool is_next_hop(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return false;
    const auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
    auto host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    return port && *port != 0 && (is_numeric_address(std::string(host)) || is_domain_name(host));
}

// Each side must be able to prove itself by something, and the two of a contradiction are named.
std::optional<Message> why_proof_invalid(const im::DomainRule& rule) {
    const bool plain_proofs = rule.external_in && rule.external_out && rule.ask_certificate && rule.direct_tls &&
                              rule.bidi && rule.release.empty();
    if (rule.transport == im::Transport::sip)
        return plain_proofs ? std::nullopt : std::optional(Message{"rule.setting-is-xmpp", {}});
    if (!rule.release.empty()) {
        const auto& profile = im::xmpp_profile_or_plain(rule.profile);
        if (rule.release.size() > longest_release) return Message{"rule.release-form", {}};
        if (profile.refused_release.empty()) return Message{"rule.release-needs-profile", {}};
        if (rule.allowed && im::is_of_release(rule.release, profile.refused_release))
            return Message{"rule.release-refused", {std::string(profile.title), rule.release}};
    }
    if (!rule.allowed || rule.tls == im::TlsPolicy::off || rule.dialback) return std::nullopt;
    if (!rule.external_in) return Message{"rule.nothing-proves-them", {}};
    if (!rule.ask_certificate) return Message{"rule.unasked-needs-dialback", {}};
    if (!rule.external_out) return Message{"rule.nothing-proves-us", {}};
    return std::nullopt;
}

}  // namespace

const std::vector<ProfileName>& profile_names() {
    using im::Transport;
    static const std::vector<ProfileName> names{
        {"simple", Transport::sip},       {"ocs", Transport::sip},         {"lync", Transport::sip},
        {"aol", Transport::sip},          {"sametime", Transport::xmpp},   {"cup", Transport::xmpp},
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
    if (rule.allowed && !rule.inbound && !rule.outbound) return Message{"rule.no-direction", {}};
    // What DNS says of a domain, it says of that domain alone.
    if (rule.allowed && rule.subdomains && rule.transport == Transport::automatic)
        return Message{"rule.subdomains-need-via", {}};
    if (!rule.next_hop.empty() && !is_next_hop(rule.next_hop)) return Message{"rule.next-hop-form", {rule.next_hop}};
    if (!rule.next_hop.empty() && rule.transport == Transport::automatic) return Message{"rule.next-hop-needs-via", {}};
    if (!rule.next_hop_tls && rule.next_hop.empty()) return Message{"rule.tcp-needs-next-hop", {}};
    if (rule.transport == Transport::sip && (rule.dialback || rule.plain_dialback))
        return Message{"rule.dialback-is-xmpp", {}};
    if (rule.plain_dialback && rule.tls == TlsPolicy::required) return Message{"rule.plain-dialback-with-tls", {}};
    if (rule.allowed && rule.transport != Transport::sip && rule.tls == TlsPolicy::off && !rule.plain_dialback)
        return Message{"rule.tls-off-needs-dialback", {}};
    return why_proof_invalid(rule);
}

std::string describe(const im::DomainRule& rule) {
    std::string names;
    for (const auto& name : rule.tls_names) names += (names.empty() ? "" : ", ") + name;
    std::string out = (rule.allowed ? "allow via " : "deny via ") + std::string(to_string(rule.transport)) + ", tls " +
                      std::string(to_string(rule.tls));
    if (!rule.profile.empty()) out += ", profile " + rule.profile;
    if (!rule.next_hop.empty()) out += ", next hop " + rule.next_hop + (rule.next_hop_tls ? "" : " over TCP");
    if (rule.dialback) out += ", dialback";
    if (rule.plain_dialback) out += ", plain dialback";
    if (!rule.trusted_certificate) out += ", untrusted certificate";
    if (!rule.external_in) out += ", no EXTERNAL in";
    if (!rule.external_out) out += ", no EXTERNAL out";
    if (!rule.ask_certificate) out += ", no certificate asked";
    if (!rule.direct_tls) out += ", no direct TLS";
    if (!rule.bidi) out += ", a stream each way";
    if (!rule.release.empty()) out += ", release " + rule.release;
    if (rule.trusted_by_partner) out += ", trusted by the partner";
    if (rule.has_legacy_tls()) out += ", OLD TLS until " + legacy_last_day(rule);
    if (!rule.tls_names.empty()) out += ", certificate names " + names;
    if (!rule.inbound) out += ", outbound only";
    if (!rule.outbound) out += ", inbound only";
    if (rule.subdomains) out += ", with subdomains";
    if (!rule.comment.empty()) out += ", comment: " + rule.comment;
    return out;
}

im::DomainRule made_plain(im::DomainRule rule) {
    if (rule.transport != im::Transport::automatic) return rule;
    for (const auto& profile : profile_names())
        if (profile.name == rule.profile) rule.transport = profile.transport;
    if (!rule.next_hop_tls) rule.transport = im::Transport::sip;
    return rule;
}

std::string legacy_last_day(const im::DomainRule& rule) {
    if (!rule.has_legacy_tls()) return {};
    const std::chrono::year_month_day day{std::chrono::floor<std::chrono::days>(rule.legacy_tls_until - Millis{1})};
    char text[16];
    std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                  static_cast<unsigned>(day.day()));
    return text;
}

std::optional<TimePoint> parse_last_day(std::string_view text) {
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
    const auto year = parse_number<unsigned>(text.substr(0, 4));
    const auto month = parse_number<unsigned>(text.substr(5, 2)), day = parse_number<unsigned>(text.substr(8, 2));
    if (!year || !month || !day) return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)), std::chrono::month(*month),
                                           std::chrono::day(*day)};
    if (!date.ok()) return std::nullopt;
    return TimePoint{std::chrono::sys_days{date} + std::chrono::days{1}};
}

std::optional<Message> why_legacy_invalid(const im::DomainRule& rule, TimePoint now) {
    if (!rule.has_legacy_tls()) return std::nullopt;
    if (rule.transport != im::Transport::sip) return Message{"rule.legacy-tls-is-sip", {}};
    if (!rule.next_hop_tls) return Message{"rule.legacy-tls-needs-tls", {}};
    if (rule.legacy_tls_until <= now) return Message{"rule.legacy-tls-past", {legacy_last_day(rule)}};
    if (rule.legacy_tls_until > now + std::chrono::days{longest_legacy_days + 1})
        return Message{"rule.legacy-tls-too-long", {std::to_string(longest_legacy_days)}};
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
