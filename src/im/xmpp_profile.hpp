#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "im/federation_policy.hpp"
#include "im/presence.hpp"

namespace parley::im {

// What our user is written as to a partner of a kind (presence tables 11 and 12). The kind of the user's own client
// makes no difference here.
struct WrittenRow {
    enum class Origin : std::uint8_t { required, nearest };
    Availability ours;
    Availability written;
    Origin origin = Origin::required;
};

// A kind of XMPP partner: all that differs between kinds, as data. A new kind is a new line in xmpp_profile.cpp. The
// rule of a domain (DomainRule::profile) names one. SIP partners have theirs in gateway/profile.hpp.
struct XmppProfile {
    std::string_view name;
    std::string_view title;  // for people

    // What a rule gets where the administrator has said nothing.
    TlsPolicy tls;
    bool dialback, plain_dialback, trusted_certificate, ask_certificate, bidi;

    std::span<const WrittenRow> written;
    // It says that a user is in a meeting by this text beside "away"; shown to a third-party client as available with
    // the text (table 10). Empty: it has no such habit.
    std::string_view meeting;
    // Takes a presence with our own marks, and so can tell a text of the user's from one that we have added.
    bool reads_marks;
    // It tries the first SRV record only: the others would never be used.
    bool first_record_only;
    // Its software, as XEP-0092 names it, and the release of it that we do not talk to; empty: any is welcome.
    std::string_view refused_software, refused_release;
};

std::span<const XmppProfile> xmpp_profiles();
const XmppProfile* find_xmpp_profile(std::string_view name);
// The named one; the plain "xmpp" when the name is empty or that of a SIP kind.
const XmppProfile& xmpp_profile_or_plain(std::string_view name);
const XmppProfile& xmpp_profile_of(const FederationPolicy& policy, std::string_view domain);

// "7.0.1" is of release "7", "70" is not.
bool is_of_release(std::string_view version, std::string_view release);

}  // namespace parley::im
