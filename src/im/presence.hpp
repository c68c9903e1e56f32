#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "im/roster.hpp"
#include "xmpp/stanza.hpp"

namespace parley::im {

enum class Show { away, chat, dnd, xa };  // RFC 6121 4.7.2.1
std::string_view to_string(Show show);

// What a person is seen as, in the words of requirements E. A mapping table of a partner starts or ends here.
enum class Availability { available, busy, do_not_disturb, idle, away, extended_away, offline };
std::string_view to_string(Availability availability);

// What one resource says of its user. On our wire (requirements E): busy is <show>away</show> with
// <busy xmlns='urn:parley:presence:0'/>, idle is <show>away</show> with <idle/> of XEP-0319.
struct Presence {
    bool available = false;
    std::optional<Show> show;  // empty: plain available
    bool busy = false;
    std::optional<TimePoint> idle_since;
    std::string status_text;  // what the user wrote
    int priority = 0;
    bool operator==(const Presence&) const = default;
};

// Reads a presence without a type or of type unavailable. What is out of its range counts as absent: a show that RFC
// 6121 does not know, a priority outside -128..127, an <idle/> without a date. The first <status/> is taken.
Presence presence_of(const xmpp::Stanza& stanza);
// The children as they stand on our wire; type, addresses and other payloads are the caller's.
void encode_into(xmpp::Stanza& stanza, const Presence& presence);

Availability availability(const Presence& presence);

// One value for all of a user's resources, for those who can show only one. Among the available ones the highest
// priority counts; where that is equal, what somebody chose (do not disturb, busy) before what a client does by itself
// (available, then idle, away, extended away); where that is equal, the one that changed last, that is, the later in
// `resources`. Nothing available: offline.
Presence aggregate(const std::vector<Presence>& resources);

// RFC 6121 4.3.2: the answer to a probe by `contact`, from the user's side.
struct ProbeAnswer {
    enum class Kind {
        ignore,        // an answer would end a request that the user has not decided on
        unsubscribed,  // no such user, or the contact may not see this one
        unavailable,   // nothing available: from the bare JID, or the full JID that was probed
        presence,      // send the last presence of `resources`
    };
    Kind kind = Kind::ignore;
    std::vector<std::string> resources;
    bool operator==(const ProbeAnswer&) const = default;
};
// `probed` is the address of the probe, bare or full; `item` the user's item for the contact; `own` says that the
// contact is the user.
ProbeAnswer answer_probe(bool user_exists, const RosterItem* item, bool own, const xmpp::Jid& probed,
                         const std::vector<std::string>& available_resources);

}  // namespace parley::im
