#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "xmpp/jid.hpp"

namespace parley::im {

enum class Affiliation { outcast, none, member, admin, owner };  // XEP-0045 5.2; the lasting one, in rising order
enum class Role { none, visitor, participant, moderator };       // 5.1; of an occupant, in rising order
std::string_view to_string(Affiliation affiliation);
std::string_view to_string(Role role);
std::optional<Affiliation> affiliation_of(std::string_view word);
std::optional<Role> role_of(std::string_view word);

struct RoomConfig {  // XEP-0045 15.5.3, as far as it is offered
    std::string name, description, password;
    bool listed = true;
    bool members_only = false;
    bool moderated = false;
    bool shows_addresses = false;  // to everybody, and not to moderators only
    bool anyone_subject = true;    // may be changed by every participant
    bool anyone_invites = true;    // to a members-only room too
    bool operator==(const RoomConfig&) const = default;
};

// A person of a SIP partner who takes part by a conversation with the room itself.
struct RoomContact {
    enum class State {
        invited,  // has been written to; nobody knows yet whether that arrived
        joined,
        left,  // comes back by writing
    };
    xmpp::Jid jid;  // bare
    std::string nick;
    State state = State::invited;
    bool operator==(const RoomContact&) const = default;
};

// What of a room lasts: all but those who are in it now and its messages.
struct RoomRecord {
    xmpp::Jid creator;  // bare
    RoomConfig config;
    std::string subject, subject_by;  // a nickname
    TimePoint subject_at{};
    std::map<xmpp::Jid, Affiliation> affiliations;  // bare; those with `none` are not in it
    std::vector<RoomContact> contacts;

    Affiliation affiliation(const xmpp::Jid& person) const;
    bool operator==(const RoomRecord&) const = default;
};

// As the store keeps it, one XML document; what an older parley does not know of it is ignored.
std::string encode_room(const RoomRecord& record);
Result<RoomRecord> decode_room(std::string_view text);

}  // namespace parley::im
