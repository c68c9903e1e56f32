#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "im/presence.hpp"

// How a presence on one side of the gateway looks on the other: one line a case. The compiler checks the shape of each
// table, a reader its sense. Which partner uses which tables is in gateway/profile.cpp; what reads and writes the wire
// is in presence.cpp.
namespace parley::gateway {

using im::Availability;
inline constexpr std::array availabilities{
    Availability::available, Availability::busy,          Availability::do_not_disturb, Availability::idle,
    Availability::away,      Availability::extended_away, Availability::offline,
};

// A native client tells busy and idle from away (capability urn:parley:native:0); any other XMPP client is third-party.
enum class ClientKind : std::uint8_t { third_party, native };

// `required`: the product's presence tables demand this line. `nearest`: they leave it out, and this is our choice.
enum class Origin : std::uint8_t { required, nearest };

// What a partner's user is shown as to ours.
struct InboundRow {
    Availability theirs;
    Availability to_third_party;  // never busy or idle: such a client cannot show them
    std::string_view status;      // for third-party clients, only where the contact has written no note
    Availability to_native;
    Origin third_party_origin = Origin::required;
    Origin native_origin = Origin::required;
};

// What our user is shown as to the partner's. The kind of the user's client makes no difference to any SIP partner.
struct OutboundRow {
    Availability ours;
    Availability theirs;
    Origin origin = Origin::required;
};

// What an activity of a partner's PIDF means. The first line of a table that the document has wins.
struct ActivityRow {
    std::string_view token;  // lower case
    Availability means;
    std::string_view status;  // shown to all clients where the contact has written no note
};

// Some peers say how a person is in the note alone. Compared without case.
struct NoteRow {
    std::string_view note;
    Availability means;
};

struct PresenceTables {
    std::span<const InboundRow> inbound;
    std::span<const OutboundRow> outbound;
    std::span<const ActivityRow> activities;
    std::span<const NoteRow> notes;
    bool show = false;  // the peer knows RFC 8048's show element and RFC 4480's user-input
};

constexpr const InboundRow* find(std::span<const InboundRow> rows, Availability theirs) {
    for (const auto& row : rows)
        if (row.theirs == theirs) return &row;
    return nullptr;
}
constexpr const OutboundRow* find(std::span<const OutboundRow> rows, Availability ours) {
    for (const auto& row : rows)
        if (row.ours == ours) return &row;
    return nullptr;
}

constexpr Availability key_of(const InboundRow& row) {
    return row.theirs;
}
constexpr Availability key_of(const OutboundRow& row) {
    return row.ours;
}

template <class Rows>
constexpr bool every_availability_once(const Rows& rows) {
    if (rows.size() != availabilities.size()) return false;
    for (const auto availability : availabilities) {
        int times = 0;
        for (const auto& row : rows)
            if (key_of(row) == availability) ++times;
        if (times != 1) return false;
    }
    return true;
}

// Tables 1 and 4: OCS and Lync. Their federation documents say only busy and away, so that Do Not Disturb arrives as
// busy and Be Right Back as away; the lines are here for the day when a form arrives that says more.
inline constexpr std::array microsoft_inbound{
    InboundRow{Availability::available, Availability::available, "", Availability::available},
    InboundRow{Availability::busy, Availability::away, "Busy", Availability::busy},
    InboundRow{Availability::do_not_disturb, Availability::away, "Busy", Availability::busy},
    InboundRow{Availability::away, Availability::away, "", Availability::away},
    InboundRow{Availability::offline, Availability::offline, "", Availability::offline},
    InboundRow{Availability::idle, Availability::away, "", Availability::away, Origin::nearest, Origin::nearest},
    InboundRow{Availability::extended_away, Availability::away, "", Availability::away, Origin::nearest,
               Origin::nearest},
};
static_assert(every_availability_once(microsoft_inbound));

// Tables 2, 3, 5 and 6. Do Not Disturb becomes Busy: the partner's federated form has no word for it.
inline constexpr std::array microsoft_outbound{
    OutboundRow{Availability::available, Availability::available},
    OutboundRow{Availability::busy, Availability::busy},
    OutboundRow{Availability::do_not_disturb, Availability::busy},
    OutboundRow{Availability::away, Availability::away},
    OutboundRow{Availability::extended_away, Availability::away},
    OutboundRow{Availability::offline, Availability::offline},
    OutboundRow{Availability::idle, Availability::away, Origin::nearest},
};
static_assert(every_availability_once(microsoft_outbound));

// Whatever else such a server writes reads as available (reference: the federated subset has these two words).
inline constexpr std::array microsoft_activities{
    ActivityRow{"busy", Availability::busy, ""},
    ActivityRow{"away", Availability::away, ""},
};

// Table 7, and our choice for third-party clients. Invisible is closed on the wire and so is offline.
inline constexpr std::array aol_inbound{
    InboundRow{Availability::available, Availability::available, "", Availability::available, Origin::nearest},
    InboundRow{Availability::away, Availability::away, "", Availability::away, Origin::nearest},
    InboundRow{Availability::offline, Availability::offline, "", Availability::offline, Origin::nearest},
    InboundRow{Availability::busy, Availability::away, "Busy", Availability::busy, Origin::nearest, Origin::nearest},
    InboundRow{Availability::do_not_disturb, Availability::away, "Busy", Availability::busy, Origin::nearest,
               Origin::nearest},
    InboundRow{Availability::idle, Availability::away, "", Availability::away, Origin::nearest, Origin::nearest},
    InboundRow{Availability::extended_away, Availability::away, "", Availability::away, Origin::nearest,
               Origin::nearest},
};
static_assert(every_availability_once(aol_inbound));

// Table 8: these users know available, away and offline.
inline constexpr std::array aol_outbound{
    OutboundRow{Availability::available, Availability::available},
    OutboundRow{Availability::do_not_disturb, Availability::away},
    OutboundRow{Availability::busy, Availability::away},
    OutboundRow{Availability::idle, Availability::away},
    OutboundRow{Availability::offline, Availability::offline},
    OutboundRow{Availability::away, Availability::away, Origin::nearest},
    OutboundRow{Availability::extended_away, Availability::away, Origin::nearest},
};
static_assert(every_availability_once(aol_outbound));

// Any standard SIP domain: no table is required, so everything that the two sides have words for passes unchanged.
inline constexpr std::array simple_inbound{
    InboundRow{Availability::available, Availability::available, "", Availability::available, Origin::nearest,
               Origin::nearest},
    InboundRow{Availability::busy, Availability::away, "Busy", Availability::busy, Origin::nearest, Origin::nearest},
    InboundRow{Availability::do_not_disturb, Availability::do_not_disturb, "", Availability::do_not_disturb,
               Origin::nearest, Origin::nearest},
    InboundRow{Availability::idle, Availability::away, "Idle", Availability::idle, Origin::nearest, Origin::nearest},
    InboundRow{Availability::away, Availability::away, "", Availability::away, Origin::nearest, Origin::nearest},
    InboundRow{Availability::extended_away, Availability::extended_away, "", Availability::extended_away,
               Origin::nearest, Origin::nearest},
    InboundRow{Availability::offline, Availability::offline, "", Availability::offline, Origin::nearest,
               Origin::nearest},
};
static_assert(every_availability_once(simple_inbound));

inline constexpr std::array simple_outbound{
    OutboundRow{Availability::available, Availability::available, Origin::nearest},
    OutboundRow{Availability::busy, Availability::busy, Origin::nearest},
    OutboundRow{Availability::do_not_disturb, Availability::do_not_disturb, Origin::nearest},
    OutboundRow{Availability::idle, Availability::idle, Origin::nearest},
    OutboundRow{Availability::away, Availability::away, Origin::nearest},
    OutboundRow{Availability::extended_away, Availability::extended_away, Origin::nearest},
    OutboundRow{Availability::offline, Availability::offline, Origin::nearest},
};
static_assert(every_availability_once(simple_outbound));

// RFC 4480 3.2. What keeps a person from answering at once is busy; what takes the person from the desk is away; what
// takes days is extended away. The others (working, other, unknown, looking-for-work, playing, ...) say nothing of
// being reachable.
inline constexpr std::array simple_activities{
    ActivityRow{"on-the-phone", Availability::busy, "On the phone"},
    ActivityRow{"presentation", Availability::busy, "In a presentation"},
    ActivityRow{"meeting", Availability::busy, "In a meeting"},
    ActivityRow{"appointment", Availability::busy, "In an appointment"},
    ActivityRow{"steering", Availability::busy, "Driving"},
    ActivityRow{"performance", Availability::busy, ""},
    ActivityRow{"worship", Availability::busy, ""},
    ActivityRow{"busy", Availability::busy, ""},
    ActivityRow{"vacation", Availability::extended_away, "On vacation"},
    ActivityRow{"holiday", Availability::extended_away, "On holiday"},
    ActivityRow{"permanent-absence", Availability::extended_away, ""},
    ActivityRow{"travel", Availability::away, "Travelling"},
    ActivityRow{"in-transit", Availability::away, "On the way"},
    ActivityRow{"sleeping", Availability::away, ""},
    ActivityRow{"breakfast", Availability::away, ""},
    ActivityRow{"lunch", Availability::away, "At lunch"},
    ActivityRow{"dinner", Availability::away, ""},
    ActivityRow{"meal", Availability::away, "At a meal"},
    ActivityRow{"shopping", Availability::away, ""},
    ActivityRow{"spectator", Availability::away, ""},
    ActivityRow{"tv", Availability::away, ""},
    ActivityRow{"away", Availability::away, ""},
};

// COMPAT(Kamailio): its XMPP bridge writes the show value as one of these notes.
inline constexpr std::array simple_notes{
    NoteRow{"away", Availability::away},
    NoteRow{"be right back", Availability::away},
    NoteRow{"dnd", Availability::do_not_disturb},
    NoteRow{"do not disturb", Availability::do_not_disturb},
    NoteRow{"busy (dnd)", Availability::do_not_disturb},
    NoteRow{"busy", Availability::busy},
    NoteRow{"on the phone", Availability::busy},
    NoteRow{"idle", Availability::idle},
};

inline constexpr PresenceTables microsoft_presence{
    microsoft_inbound, microsoft_outbound, microsoft_activities, {}, false};
inline constexpr PresenceTables aol_presence{aol_inbound, aol_outbound, microsoft_activities, {}, false};
inline constexpr PresenceTables simple_presence{simple_inbound, simple_outbound, simple_activities, simple_notes, true};

}  // namespace parley::gateway
