#pragma once

#include <optional>
#include <set>
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

// What RFC 6121 4 makes of a presence that a session sends.
struct BroadcastActions {
    std::vector<xmpp::Jid> contacts;  // bare JIDs that get the stanza: subscription from or both (4.2.2, 4.4.2, 4.5.2)
    std::vector<xmpp::Jid> directed;  // who gets unavailable besides, because of directed presence (4.6.3)
    bool own_resources = false;       // all available resources of the user get it too, this one among them
    std::vector<xmpp::Jid> probes;    // bare JIDs to be probed: subscription to or both (4.3.1)
    std::vector<std::string>
        requests;                 // inbound subscription requests without an answer, as XML, for this resource (3.1.3)
    bool others_to_this = false;  // this resource gets the last presence of the user's other available resources
    bool offline_messages = false;  // this resource takes stored messages from now on (XEP-0160)
    bool operator==(const BroadcastActions&) const = default;
};

// The presence state of one session (a bound resource): last broadcast, directed presence. Lives on its user's shard.
class SessionPresence {
public:
    // A session may keep so many addresses informed beside the roster; a further one gets its presence, but is told of
    // nothing later.
    static constexpr std::size_t directed_max = 1000;

    bool available() const { return last_.has_value(); }
    int priority() const { return available() ? priority_ : 0; }
    // What contacts were last told, for probes and new resources; nothing when unavailable.
    const std::optional<xmpp::Stanza>& last() const { return last_; }

    // A presence without `to` and without a type, or of type unavailable. `from` is the full JID.
    BroadcastActions on_broadcast(const xmpp::Stanza& presence, const Roster& roster);
    // The session has ended without a word: as if it had sent unavailable (4.5.2). Nothing to do when it is not
    // available.
    BroadcastActions on_end(const Roster& roster);
    // A presence with `to`, without a type or of type unavailable (4.6.2): the caller routes it as it is.
    void on_directed(const xmpp::Stanza& presence);
    // An address has said that it is gone (an error, or it left): it is told nothing more.
    void forget_directed(const xmpp::Jid& address) { directed_.erase(address); }
    const std::set<xmpp::Jid>& directed() const { return directed_; }

private:
    std::optional<xmpp::Stanza> last_;
    int priority_ = 0;
    std::set<xmpp::Jid> directed_;
};

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
