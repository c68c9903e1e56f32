#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "base/clock.hpp"
#include "gateway/mapping/presence_tables.hpp"
#include "im/federation_policy.hpp"

namespace parley::gateway {

// RFC 7572: each message is a MESSAGE of its own; or all of them lie in an INVITE dialog.
enum class ImDialect { pager, session };
// RFC 3994 in a MESSAGE; or an INFO with <KeyboardActivity/>.
enum class TypingDialect { iscomposing, keyboard_activity };
// RFC 4480 and RFC 8048; or one tuple with the drafts' activities, and RFC 4480's person after it.
enum class PidfForm { standard, drafts };
// What the certificate of a SIP peer must name: its SIP domain (RFC 5922), or the host that we dialled or would dial
// (SRV target, configured next hop).
enum class IdentityRule { domain, host };

struct SrvName {
    std::string_view prefix;  // put before ".domain"
    bool tls;
};

// Users of `alias` are addressed at `domain`, unless a rule names the alias itself.
struct DomainAlias {
    std::string_view alias, domain;
};

// A kind of SIP partner: all that differs between kinds, as data. A new kind is a new line in profile.cpp. The rule of
// a domain (im::DomainRule::profile) names one.
struct Profile {
    std::string_view name;
    std::string_view title;  // for people
    ImDialect im;
    TypingDialect typing;
    PidfForm pidf;
    IdentityRule identity;
    const PresenceTables* presence;
    std::span<const SrvName> srv;  // tried in this order
    // A domain of this kind that DNS does not know is reached by this one's route (AOL's clearing house); "": none.
    std::string_view clearing_house;
    std::span<const DomainAlias> aliases;

    Seconds ask_expires;         // of our SUBSCRIBE; jitter is added by the caller
    Seconds max_expires;         // we grant no more
    Seconds invite_patience;     // how long an INVITE may ring before we give up
    Seconds session_idle;        // an IM session without traffic ends by our BYE after it
    int requests_per_second;     // of ours to a partner that knows us by discovery alone; new requests only
    int trusted_per_second;      // to one whose administrator has listed us
    std::size_t first_contacts;  // people of such a discovered partner that we ask for, for the first time, in a day
    std::size_t message_body;    // bytes of one message inside a session; outside RFC 3428's 1300 hold

    bool only_4xx;       // never 6xx, nor 400 or a challenge for what is policy (error_tables.cpp)
    bool drafts_quirks;  // piggybacked first notification and BENOTIFY may come though not offered
    bool look_up_probe;  // a test asks by a look-up of somebody: OPTIONS is not routed to its users' servers
    bool legacy_tls;     // such peers may know TLS 1.0 only: what a failed handshake with one is explained by
    bool mail_names;     // user(mail.example)@domain is a person with the e-mail address user@mail.example
};

// How fast we may ask a partner. One that we reach by a configured next hop has a person who configured us there too.
struct PartnerPace {
    bool trusted = false;
    int per_second = 1, burst = 1;
    std::size_t at_once = 1;  // subscriptions that wait for their answers
    std::optional<std::size_t> first_contacts;
};
PartnerPace pace_for(const im::DomainRule& rule);

std::span<const Profile> profiles();
const Profile* find_profile(std::string_view name);
// The named one; the plain "simple" when the name is empty or not known.
const Profile& profile_or_simple(std::string_view name);

}  // namespace parley::gateway
