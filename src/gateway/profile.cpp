#include "gateway/profile.hpp"

#include <algorithm>
#include <array>

namespace parley::gateway {
namespace {

using std::chrono::seconds;

constexpr std::array standard_srv{SrvName{"_sips._tcp", true}, SrvName{"_sip._tcp", false}};
constexpr std::array federation_srv{SrvName{"_sipfederationtls._tcp", true}};

// COMPAT(OCS, Lync): such an edge counts a partner's requests unless its administrator has listed us: above 20 a second
// it stops answering, above 1000 different people it refuses all. It refreshes 900 s
// before the end, and what it is granted is what it asks for next time, so two hours. A user may take minutes to accept
// a session (timer C). It shows any 6xx as a fault of the service.
constexpr Profile microsoft(std::string_view name, std::string_view title) {
    return {.name = name,
            .title = title,
            .im = ImDialect::session,
            .typing = TypingDialect::keyboard_activity,
            .pidf = PidfForm::drafts,
            .identity = IdentityRule::host,
            .presence = &microsoft_presence,
            .srv = federation_srv,
            .clearing_house = {},
            .aliases = {},
            .ask_expires = seconds{7200},
            .max_expires = seconds{7200},
            .invite_patience = seconds{180},
            .session_idle = seconds{600},
            .requests_per_second = 18,
            .trusted_per_second = 500,
            .first_contacts = 400,
            .message_body = 8 * 1024,
            .only_4xx = true,
            .drafts_quirks = true,
            .look_up_probe = true,
            .legacy_tls = true,
            .mail_names = false};
}

constexpr std::array aol_aliases{DomainAlias{"aim.com", "aol.com"}};

constexpr Profile aol() {
    auto profile = microsoft("aol", "AOL SIP Access Gateway");
    profile.presence = &aol_presence;
    profile.clearing_house = "aol.com";
    profile.aliases = aol_aliases;
    profile.mail_names = true;
    profile.ask_expires = profile.max_expires = seconds{3600};
    return profile;
}

constexpr std::array all{
    Profile{.name = "simple",
            .title = "Standard SIP/SIMPLE",
            .im = ImDialect::pager,
            .typing = TypingDialect::iscomposing,
            .pidf = PidfForm::standard,
            .identity = IdentityRule::domain,
            .presence = &simple_presence,
            .srv = standard_srv,
            .clearing_house = {},
            .aliases = {},
            .ask_expires = seconds{3600},
            .max_expires = seconds{3600},
            .invite_patience = seconds{180},
            .session_idle = seconds{600},
            .requests_per_second = 18,
            .trusted_per_second = 500,
            .first_contacts = 400,
            .message_body = 8 * 1024,
            .only_4xx = false,
            .drafts_quirks = false,
            .look_up_probe = false,
            .legacy_tls = false,
            .mail_names = false},
    microsoft("ocs", "Microsoft Office Communications Server 2007, 2007 R2"),
    microsoft("lync", "Microsoft Lync 2010 and later, Skype for Business"),
    aol(),
};

}  // namespace

PartnerPace pace_for(const im::DomainRule& rule) {
    const auto& profile = profile_or_simple(rule.profile);
    PartnerPace pace;
    pace.trusted = rule.trusted_by_partner || !rule.next_hop.empty();
    pace.per_second = pace.trusted ? profile.trusted_per_second : profile.requests_per_second;
    if (!pace.trusted) pace.first_contacts = profile.first_contacts;
    pace.burst = pace.trusted ? pace.per_second / 10 : 1;
    pace.at_once = static_cast<std::size_t>(pace.per_second) * 2;
    return pace;
}

std::span<const Profile> profiles() {
    return all;
}

const Profile* find_profile(std::string_view name) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const Profile& p) { return p.name == name; });
    return found == all.end() ? nullptr : &*found;
}

const Profile& profile_or_simple(std::string_view name) {
    const auto* profile = find_profile(name);
    return profile ? *profile : all.front();
}

}  // namespace parley::gateway
