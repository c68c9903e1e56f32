#include "im/xmpp_profile.hpp"

#include <algorithm>
#include <array>

namespace parley::im {
namespace {

using Origin = WrittenRow::Origin;

template <std::size_t count>
constexpr bool every_availability_once(const std::array<WrittenRow, count>& rows) {
    if (count != 7) return false;
    for (std::size_t i = 0; i < count; ++i)
        for (std::size_t j = i + 1; j < count; ++j)
            if (rows[i].ours == rows[j].ours) return false;
    return true;
}

// Tables 11 and 12, columns "federated-native" and "federated-third-party": one stanza serves both kinds of the
// partner's clients, so everything is written, and each client shows what it can.
constexpr std::array plain_written{
    WrittenRow{Availability::available, Availability::available},
    WrittenRow{Availability::busy, Availability::busy},
    WrittenRow{Availability::do_not_disturb, Availability::do_not_disturb},
    WrittenRow{Availability::idle, Availability::idle},
    WrittenRow{Availability::away, Availability::away},
    WrittenRow{Availability::extended_away, Availability::extended_away},
    WrittenRow{Availability::offline, Availability::offline},
};
static_assert(every_availability_once(plain_written));

constexpr std::array webex_written{
    WrittenRow{Availability::available, Availability::available},
    WrittenRow{Availability::busy, Availability::idle},
    WrittenRow{Availability::do_not_disturb, Availability::do_not_disturb},
    WrittenRow{Availability::idle, Availability::idle},
    WrittenRow{Availability::away, Availability::away},
    WrittenRow{Availability::extended_away, Availability::extended_away},
    WrittenRow{Availability::offline, Availability::offline},
};
static_assert(every_availability_once(webex_written));

constexpr std::array sametime_written{
    WrittenRow{Availability::available, Availability::available},
    WrittenRow{Availability::busy, Availability::away},
    WrittenRow{Availability::do_not_disturb, Availability::do_not_disturb},
    WrittenRow{Availability::idle, Availability::idle},
    WrittenRow{Availability::away, Availability::away},
    WrittenRow{Availability::extended_away, Availability::away},
    WrittenRow{Availability::offline, Availability::offline},
};
static_assert(every_availability_once(sametime_written));

constexpr XmppProfile plain(std::string_view name, std::string_view title) {
    return {.name = name,
            .title = title,
            .tls = TlsPolicy::required,
            .dialback = false,
            .plain_dialback = false,
            .trusted_certificate = true,
            .ask_certificate = true,
            .bidi = true,
            .written = plain_written,
            .meeting = {},
            .reads_marks = false,
            .first_record_only = false,
            .refused_software = {},
            .refused_release = {}};
}

// Servers of the years before certificates were common: TLS where they offer it, and dialback for who they are.
constexpr XmppProfile with_dialback(std::string_view name, std::string_view title) {
    auto profile = plain(name, title);
    profile.tls = TlsPolicy::optional;
    profile.dialback = profile.plain_dialback = true;
    profile.bidi = false;
    return profile;
}

constexpr XmppProfile parley() {
    auto profile = plain("parley", "A second parley");
    profile.reads_marks = true;
    return profile;
}

constexpr XmppProfile sametime() {
    auto profile = with_dialback("sametime", "IBM Sametime Gateway 8.2, 8.5");
    profile.written = sametime_written;
    profile.first_record_only = true;
    return profile;
}

// COMPAT(WebEx): many companies live on one host that names only itself, and a request for its certificate as a client
// makes it give up.
constexpr XmppProfile webex() {
    auto profile = plain("webex", "Cisco WebEx Connect 6");
    profile.dialback = true;
    profile.trusted_certificate = profile.ask_certificate = profile.bidi = false;
    profile.written = webex_written;
    profile.meeting = "In a meeting";
    return profile;
}

constexpr XmppProfile cup() {
    auto profile = plain("cup", "Cisco Unified Presence 8, IM and Presence 9 and later");
    profile.bidi = false;
    profile.refused_software = "Cisco";
    profile.refused_release = "7";
    return profile;
}

constexpr std::array all{
    plain("xmpp", "Standard XMPP"), parley(), with_dialback("googletalk", "GoogleTalk"), sametime(), webex(), cup(),
};

}  // namespace

std::span<const XmppProfile> xmpp_profiles() {
    return all;
}

const XmppProfile* find_xmpp_profile(std::string_view name) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const XmppProfile& p) { return p.name == name; });
    return found == all.end() ? nullptr : &*found;
}

const XmppProfile& xmpp_profile_or_plain(std::string_view name) {
    const auto* profile = find_xmpp_profile(name);
    return profile ? *profile : all.front();
}

const XmppProfile& xmpp_profile_of(const FederationPolicy& policy, std::string_view domain) {
    const auto* rule = policy.rule(domain);
    return rule ? xmpp_profile_or_plain(rule->profile) : all.front();
}

bool is_of_release(std::string_view version, std::string_view release) {
    if (release.empty() || !version.starts_with(release)) return false;
    return version.size() == release.size() || version[release.size()] == '.' || version[release.size()] == ' ';
}

}  // namespace parley::im
