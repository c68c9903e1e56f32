#include "gateway/mapping/presence.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "gateway/mapping/text.hpp"
#include "xmpp/ns.hpp"
#include "xmpp/payload/datetime.hpp"
#include "xmpp/payload/idle.hpp"

namespace parley::gateway {
namespace {

namespace ns = xmpp::ns;
constexpr std::size_t note_limit =
    1024;  // bytes of a status text that travel; the whole document goes to every watcher
using Basic = sip::Pidf::Basic;

const ActivityRow* find_activity(const PresenceTables& tables, const std::vector<std::string>& a,
                                 const std::vector<std::string>& b) {
    for (const auto& row : tables.activities)
        for (const auto* list : {&a, &b})
            if (std::find(list->begin(), list->end(), row.token) != list->end()) return &row;
    return nullptr;
}

// A tuple that says neither open nor closed but says how the person is: a person who is.
bool is_open(const sip::Pidf::Tuple& tuple) {
    if (tuple.basic) return *tuple.basic == Basic::open;
    return !tuple.activities.empty() || !tuple.show.empty();
}

const sip::Pidf::Tuple* best_tuple(const sip::Pidf& pidf) {
    const sip::Pidf::Tuple* best = nullptr;
    for (const auto& tuple : pidf.tuples)
        if (is_open(tuple) && (!best || tuple.priority.value_or(0) > best->priority.value_or(0))) best = &tuple;
    return best;
}

std::string first_note(const sip::Pidf& pidf, const sip::Pidf::Tuple& tuple, const sip::Pidf::Person* person) {
    for (const auto* notes : {&tuple.notes, person ? &person->notes : &pidf.notes, &pidf.notes})
        if (!notes->empty()) return notes->front().text;
    return {};
}

// Several persons in a document are one person as several sources saw it (RFC 4479 3.2): what any of them says counts.
struct Person {
    std::vector<std::string> activities;
    bool idle = false;
    std::optional<TimePoint> last_input;
    const sip::Pidf::Person* noted = nullptr;
};

Person merge(const std::vector<sip::Pidf::Person>& persons) {
    Person merged;
    for (const auto& person : persons) {
        merged.activities.insert(merged.activities.end(), person.activities.begin(), person.activities.end());
        if (person.idle) {
            merged.idle = *person.idle;
            const auto time = xmpp::parse_datetime(person.last_input);
            merged.last_input = *person.idle && time ? std::optional(*time) : std::nullopt;
        }
        if (!merged.noted && !person.notes.empty()) merged.noted = &person;
    }
    return merged;
}

// RFC 8048's show says it exactly; an activity beside it may refine what away means.
Availability with_show(std::string_view show, Availability otherwise) {
    if (show == "chat") return Availability::available;
    if (show == "dnd") return Availability::do_not_disturb;
    if (show == "xa") return Availability::extended_away;
    if (show == "away") return otherwise == Availability::available ? Availability::away : otherwise;
    return otherwise;
}

std::string_view show_of(Availability availability) {
    switch (availability) {
        case Availability::available:
        case Availability::offline: return {};
        case Availability::do_not_disturb: return "dnd";
        case Availability::extended_away: return "xa";
        case Availability::busy:
        case Availability::idle:
        case Availability::away: break;
    }
    return "away";
}

void add_text(xmpp::Stanza& stanza, std::string_view name, std::string_view text) {
    if (!text.empty()) stanza.add(xml::Element(ns::client, name).with_text(text));
}

}  // namespace

ContactPresence read_presence(const sip::Pidf& pidf, const Profile& profile) {
    ContactPresence contact;
    contact.display_name = pidf.display_name;
    const auto* tuple = best_tuple(pidf);
    if (!tuple) return contact;

    const auto& tables = *profile.presence;
    const auto person = merge(pidf.persons);
    contact.availability = Availability::available;
    contact.note = first_note(pidf, *tuple, person.noted);
    if (tables.show) contact.priority = tuple->priority.value_or(0) * 127 / 1000;

    const auto* activity = find_activity(tables, tuple->activities, person.activities);
    if (activity) contact.availability = activity->means;
    if (tables.show) contact.availability = with_show(tuple->show, contact.availability);
    if (activity && contact.availability == activity->means) contact.status = activity->status;

    const bool plain = contact.availability == Availability::available || contact.availability == Availability::away;
    if (tables.show && person.idle && plain) {
        contact.availability = Availability::idle;
        contact.idle_since = person.last_input;
    }
    if (!activity && tuple->show.empty() && contact.availability == Availability::available) {
        for (const auto& row : tables.notes) {
            if (!equal_ignoring_case(row.note, contact.note)) continue;
            contact.availability = row.means;
            break;
        }
    }
    return contact;
}

xmpp::Stanza presence_for(ClientKind viewer, const ContactPresence& contact, const Profile& profile) {
    const auto& row = *find(profile.presence->inbound, contact.availability);  // each table has every availability
    const bool native = viewer == ClientKind::native;
    const auto seen = native ? row.to_native : row.to_third_party;

    xmpp::Stanza presence;
    presence.kind = xmpp::Stanza::Kind::presence;
    if (seen == Availability::offline) {
        presence.type = "unavailable";
        return presence;
    }
    add_text(presence, "show", show_of(seen));
    std::string_view text = contact.note;
    if (text.empty()) text = contact.status;
    if (text.empty() && !native) text = row.status;
    // Idle without a time has no element to say it, so the word says it to all.
    if (text.empty() && seen == Availability::idle && !contact.idle_since) text = "Idle";
    add_text(presence, "status", text);
    if (contact.priority > 0) add_text(presence, "priority", std::to_string(contact.priority));
    if (seen == Availability::busy) presence.add(xml::Element(ns::native_presence, "busy"));
    if (contact.availability == Availability::idle && contact.idle_since)
        presence.add(xmpp::encode(xmpp::Idle{*contact.idle_since}));
    return presence;
}

void make_third_party(xmpp::Stanza& presence) {
    const bool busy = presence.child(ns::native_presence, "busy") != nullptr;
    const bool idle = presence.child(ns::idle, "idle") != nullptr && presence.text_of("show") == "away";
    presence.remove(ns::native_presence, "busy");
    if ((busy || idle) && presence.text_of("status").empty()) {
        presence.remove(ns::client, "status");
        add_text(presence, "status", busy ? "Busy" : "Idle");
    }
}

sip::Pidf pidf_for(const Profile& profile, const im::Presence& user, std::string_view entity, std::string_view contact,
                   std::string_view display_name) {
    const auto seen = find(profile.presence->outbound, im::availability(user))->theirs;
    sip::Pidf pidf;
    pidf.entity = entity;
    pidf.display_name = display_name;

    // RFC 8048 4.2: a tuple's id is "ID-" and the resource. Ours is the same for all, since one tuple stands for all
    // resources and which one the user sits at is nobody's business.
    sip::Pidf::Tuple tuple{.id = "ID-0", .basic = seen == Availability::offline ? Basic::closed : Basic::open};
    tuple.contact = contact;
    if (seen != Availability::offline) {
        const bool busy = seen == Availability::busy || seen == Availability::do_not_disturb;
        if (seen != Availability::available) {
            sip::Pidf::Person person{.id = "p0", .activities = {busy ? "busy" : "away"}};
            if (profile.pidf == PidfForm::drafts) tuple.activities = person.activities;
            if (seen == Availability::idle) {
                person.idle = true;
                if (user.idle_since) person.last_input = xmpp::format_datetime(*user.idle_since);
            }
            pidf.persons.push_back(std::move(person));
        }
        if (profile.presence->show) tuple.show = show_of(seen);
        // Rounded up, so that the way back gives the same number.
        if (profile.presence->show && !contact.empty() && user.priority > 0)
            tuple.priority = (user.priority * 1000 + 126) / 127;
        if (const auto text = trim(user.status_text); !text.empty())
            tuple.notes.push_back({std::string(clip(text, note_limit)), {}});
    }
    pidf.tuples.push_back(std::move(tuple));
    return pidf;
}

}  // namespace parley::gateway
