#pragma once

#include <memory>
#include <string_view>

#include "base/clock.hpp"
#include "im/xmpp_profile.hpp"
#include "xmpp/stanza.hpp"

// Presence between our users and those of XMPP partners (presence tables 9 to 12). Pure functions, any thread.
namespace parley::im {

// Marks that a presence has inside the server only, in urn:parley:presence:0; clients never get them.
inline constexpr std::string_view added_status = "added-status";  // its status text is ours, not the contact's
inline constexpr std::string_view in_meeting = "in-meeting";      // a third-party client shows it as available

// Our user's presence as a partner of this kind is to get it; nullptr: as it is. `now` is written where somebody is
// idle and has not said since when.
std::shared_ptr<const xmpp::Stanza> written_for(const XmppProfile& kind, const xmpp::Stanza& presence, TimePoint now);

// A presence that has come from a partner of this kind: foreign marks off, our own on.
void mark_arrived(const XmppProfile& kind, xmpp::Stanza& presence);

// A presence as a client of ours gets it. A native client knows busy and idle by their elements and gets no text that
// was added for others. `local`: the sender is ours too; then a third-party client reads "Idle" in the text where there
// is no other, as the clients of partners do. nullptr: as it is.
std::shared_ptr<const xmpp::Stanza> for_client(const xmpp::Stanza& presence, bool native, bool local);

}  // namespace parley::im
