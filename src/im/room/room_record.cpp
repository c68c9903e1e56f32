#include "im/room/room_record.hpp"

#include <array>

#include "base/text.hpp"
#include "xml/parser.hpp"
#include "xml/writer.hpp"

namespace parley::im {
namespace {

constexpr std::string_view ns = "urn:parley:room:0";
constexpr std::array<std::string_view, 5> affiliations{"outcast", "none", "member", "admin", "owner"};
constexpr std::array<std::string_view, 4> roles{"none", "visitor", "participant", "moderator"};
constexpr std::array<std::string_view, 3> states{"invited", "joined", "left"};

template <class E, class Words>
std::optional<E> find_word(const Words& words, std::string_view word) {
    for (std::size_t i = 0; i < words.size(); ++i)
        if (words[i] == word) return static_cast<E>(i);
    return {};
}

struct Switch {
    std::string_view name;
    bool RoomConfig::*member;
};
constexpr std::array switches{
    Switch{"listed", &RoomConfig::listed},
    Switch{"members-only", &RoomConfig::members_only},
    Switch{"moderated", &RoomConfig::moderated},
    Switch{"shows-addresses", &RoomConfig::shows_addresses},
    Switch{"anyone-subject", &RoomConfig::anyone_subject},
    Switch{"anyone-invites", &RoomConfig::anyone_invites},
};

void add_text(xml::Element& to, std::string_view name, const std::string& text) {
    if (!text.empty()) to.add(xml::Element(ns, name).with_text(text));
}
std::string text_in(const xml::Element& element, std::string_view name) {
    const auto* child = element.child(ns, name);
    return child ? child->text() : std::string{};
}

}  // namespace

std::string_view to_string(Affiliation affiliation) {
    return affiliations[static_cast<std::size_t>(affiliation)];
}
std::string_view to_string(Role role) {
    return roles[static_cast<std::size_t>(role)];
}
std::optional<Affiliation> affiliation_of(std::string_view word) {
    return find_word<Affiliation>(affiliations, word);
}
std::optional<Role> role_of(std::string_view word) {
    return find_word<Role>(roles, word);
}

Affiliation RoomRecord::affiliation(const xmpp::Jid& person) const {
    const auto found = affiliations.find(person.is_bare() ? person : person.bare());
    return found == affiliations.end() ? Affiliation::none : found->second;
}

std::string encode_room(const RoomRecord& record) {
    xml::Element room(ns, "room");
    room.set("creator", record.creator.to_string());
    xml::Element config(ns, "config");
    for (const auto& each : switches) config.set(each.name, record.config.*each.member ? "1" : "0");
    add_text(config, "name", record.config.name);
    add_text(config, "description", record.config.description);
    add_text(config, "password", record.config.password);
    room.add(std::move(config));
    if (record.subject_at != TimePoint{}) {
        const auto at = std::chrono::duration_cast<Millis>(record.subject_at.time_since_epoch()).count();
        room.add(xml::Element(ns, "subject"))
            .set("by", record.subject_by)
            .set("at", std::to_string(at))
            .with_text(record.subject);
    }
    for (const auto& [jid, affiliation] : record.affiliations)
        room.add(xml::Element(ns, "person")).set("jid", jid.to_string()).set("affiliation", to_string(affiliation));
    for (const auto& contact : record.contacts)
        room.add(xml::Element(ns, "contact"))
            .set("jid", contact.jid.to_string())
            .set("nick", contact.nick)
            .set("state", states[static_cast<std::size_t>(contact.state)]);
    return xml::to_string(room);
}

Result<RoomRecord> decode_room(std::string_view text) {
    const auto room = xml::parse_document(text);
    if (!room) return room.error();
    if (!room->is(ns, "room")) return Error{Errc::malformed, "not a room"};
    RoomRecord record;
    if (auto creator = xmpp::Jid::parse(room->attribute("creator"))) record.creator = *std::move(creator);
    for (const auto* child : room->children()) {
        if (child->is(ns, "config")) {
            for (const auto& each : switches)
                if (child->has_attribute(each.name)) record.config.*each.member = child->attribute(each.name) == "1";
            record.config.name = text_in(*child, "name");
            record.config.description = text_in(*child, "description");
            record.config.password = text_in(*child, "password");
        } else if (child->is(ns, "subject")) {
            const auto at = parse_number<std::int64_t>(child->attribute("at")).value_or(0);
            if (at == 0) continue;  // damaged: nobody has set it
            record.subject = child->text();
            record.subject_by = child->attribute("by");
            record.subject_at = TimePoint{Millis{at}};
        } else if (child->is(ns, "person") || child->is(ns, "contact")) {
            auto jid = xmpp::Jid::parse(child->attribute("jid"));
            if (!jid) return jid.error();
            const auto affiliation = affiliation_of(child->attribute("affiliation"));
            const auto state = find_word<RoomContact::State>(states, child->attribute("state"));
            if (child->name() == "person" && affiliation && *affiliation != Affiliation::none)
                record.affiliations[jid->bare()] = *affiliation;
            if (child->name() == "contact" && state)
                record.contacts.push_back({jid->bare(), std::string(child->attribute("nick")), *state});
        }
    }
    return record;
}

}  // namespace parley::im
