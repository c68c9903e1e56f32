#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateway/mapping/presence_tables.hpp"
#include "gateway/profile.hpp"
#include "im/presence.hpp"
#include "sip/body/pidf.hpp"
#include "xmpp/stanza.hpp"

// Presence between PIDF and XMPP (RFC 8048, requirements E). Pure functions, any thread.
namespace parley::gateway {

// What a partner's user is. Two documents that mean the same are equal, so a repeated one need not be delivered.
struct ContactPresence {
    Availability availability = Availability::offline;
    std::string note;                     // what the contact wrote; empty while offline
    std::string status;                   // what the activity says, for a contact that wrote nothing
    std::optional<TimePoint> idle_since;  // with idle only, where the partner says it
    std::string display_name;             // as the partner says it; empty when not said
    int priority = 0;                     // 0 to 127, RFC 8048 5.3; only of partners that speak it
    bool operator==(const ContactPresence&) const = default;
};

// Of several tuples the open one of the highest priority counts; a document that says nothing is offline.
ContactPresence read_presence(const sip::Pidf& pidf, const Profile& profile);

// What a client of this kind is shown: <presence/>, with type "unavailable" when offline. From, to and id are the
// caller's.
xmpp::Stanza presence_for(ClientKind viewer, const ContactPresence& contact, const Profile& profile);

// The native form made readable for a third-party client: <busy/> and <idle/> become a status text where the sender
// wrote none, and <busy/> is taken out. For presence that reaches both kinds of clients as one stanza.
void make_third_party(xmpp::Stanza& presence);

// One tuple, as the partner's kind reads it: these partners show one state a person, so `user` is im::aggregate()'s.
// `entity` is the user's URI ("sip:u1@example.com"), `contact` may be empty. An offline user's document carries no
// text, so that it is equal to what a blocked watcher is shown.
sip::Pidf pidf_for(const Profile& profile, const im::Presence& user, std::string_view entity,
                   std::string_view contact = {}, std::string_view display_name = {});

}  // namespace parley::gateway
