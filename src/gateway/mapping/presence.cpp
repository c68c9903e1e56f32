#include "gateway/mapping/presence.hpp"

#include <algorithm>
#include <tuple>

#include "base/text.hpp"
#include "gateway/mapping/text.hpp"
#include "xmpp/ns.hpp"

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

// A date and time goes into an attribute of ours, so it may hold nothing else.
bool is_timestamp(std::string_view text) {
    return text.size() >= 20 && text.size() <= 40 && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= '0' && c <= '9') || c == '-' || c == ':' || c == '.' || c == '+' || c == 'T' || c == 'Z';
           });
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
    std::string last_input;
    const sip::Pidf::Person* noted = nullptr;
};

Person merge(const std::vector<sip::Pidf::Person>& persons) {
    Person merged;
    for (const auto& person : persons) {
        merged.activities.insert(merged.activities.end(), person.activities.begin(), person.activities.end());
        if (person.idle) {
            merged.idle = *person.idle;
            merged.last_input = *person.idle && is_timestamp(person.last_input) ? person.last_input : std::string();
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
        case Availability::be_right_back:
        case Availability::away: break;
    }
    return "away";
}

void add_text(xmpp::Stanza& stanza, std::string_view name, std::string_view text) {
    if (!text.empty()) stanza.add(xml::Element(ns::client, name).with_text(text));
}

void add_idle(xmpp::Stanza& stanza, std::string_view since) {
    xml::Element idle(ns::idle, "idle");
    idle.set("since", since);
    stanza.add(std::move(idle));
}

}  // namespace

std::string_view to_string(Availability availability) {
    switch (availability) {
        case Availability::available: return "Available";
        case Availability::busy: return "Busy";
        case Availability::do_not_disturb: return "Do Not Disturb";
        case Availability::idle: return "Idle";
        case Availability::be_right_back: return "Be Right Back";
        case Availability::away: return "Away";
        case Availability::extended_away: return "Extended Away";
        case Availability::offline: return "Offline";
    }
    return "Offline";
}

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
    if (text.empty() && seen == Availability::idle && contact.idle_since.empty()) text = "Idle";
    add_text(presence, "status", text);
    if (contact.priority > 0) add_text(presence, "priority", std::to_string(contact.priority));
    if (seen == Availability::busy) presence.add(xml::Element(ns::native_presence, "busy"));
    if (contact.availability == Availability::idle && !contact.idle_since.empty())
        add_idle(presence, contact.idle_since);
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

UserPresence read_user_presence(const xmpp::Stanza& presence) {
    UserPresence user;
    if (presence.kind != xmpp::Stanza::Kind::presence || !presence.type.empty()) return user;
    const auto show = presence.text_of("show");
    user.availability = with_show(show, Availability::available);
    if (show == "away" && presence.child(ns::native_presence, "busy")) user.availability = Availability::busy;
    if (const auto* idle = presence.child(ns::idle, "idle"); idle && user.availability == Availability::away) {
        user.availability = Availability::idle;
        if (is_timestamp(idle->attribute("since"))) user.idle_since = idle->attribute("since");
    }
    if (const auto* status = presence.child(ns::client, "status")) {
        user.status = trim(status->text());
        const auto lang = status->attribute("lang", ns::xml);
        user.lang = lang.empty() ? presence.lang : std::string(lang);
    }
    const auto priority = parse_number<int>(trim(presence.text_of("priority")));
    user.priority = std::clamp(priority.value_or(0), -128, 127);  // RFC 6121 4.7.2.3
    return user;
}

UserPresence aggregate(std::span<const UserPresence> resources) {
    const auto rank = [](const UserPresence& r) {
        return std::tuple(r.availability == Availability::offline, r.priority < 0, r.availability, -r.priority);
    };
    const auto best = std::min_element(resources.begin(), resources.end(),
                                       [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
    if (best == resources.end() || best->availability == Availability::offline) return {};
    return *best;
}

sip::Pidf pidf_for(const Profile& profile, const UserPresence& user, std::string_view entity, std::string_view contact,
                   std::string_view display_name) {
    const auto seen = find(profile.presence->outbound, user.availability)->theirs;
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
                person.last_input = user.idle_since;
            }
            pidf.persons.push_back(std::move(person));
        }
        if (profile.presence->show) tuple.show = show_of(seen);
        // Rounded up, so that the way back gives the same number.
        if (profile.presence->show && !contact.empty() && user.priority > 0)
            tuple.priority = (user.priority * 1000 + 126) / 127;
        if (!user.status.empty()) tuple.notes.push_back({std::string(clip(user.status, note_limit)), user.lang});
    }
    pidf.tuples.push_back(std::move(tuple));
    return pidf;
}

}  // namespace parley::gateway
