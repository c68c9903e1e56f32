#include "im/presence.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "xmpp/ns.hpp"
#include "xmpp/payload/idle.hpp"

namespace parley::im {
namespace {

std::optional<Show> show_of(std::string_view word) {
    for (const auto show : {Show::away, Show::chat, Show::dnd, Show::xa})
        if (to_string(show) == word) return show;
    return std::nullopt;
}

// Which of two equals stands for the user: smaller first.
int rank(Availability availability) {
    switch (availability) {
        case Availability::do_not_disturb: return 0;
        case Availability::busy: return 1;
        case Availability::available: return 2;
        case Availability::idle: return 3;
        case Availability::away: return 4;
        case Availability::extended_away: return 5;
        case Availability::offline: break;
    }
    return 6;
}

}  // namespace

std::string_view to_string(Show show) {
    switch (show) {
        case Show::away: return "away";
        case Show::chat: return "chat";
        case Show::dnd: return "dnd";
        case Show::xa: return "xa";
    }
    return "away";
}

std::string_view to_string(Availability availability) {
    switch (availability) {
        case Availability::available: return "Available";
        case Availability::busy: return "Busy";
        case Availability::do_not_disturb: return "Do Not Disturb";
        case Availability::idle: return "Idle";
        case Availability::away: return "Away";
        case Availability::extended_away: return "Extended Away";
        case Availability::offline: return "Offline";
    }
    return "Offline";
}

Presence presence_of(const xmpp::Stanza& stanza) {
    Presence presence;
    presence.available = stanza.type.empty();
    presence.status_text = stanza.text_of("status");
    if (!presence.available) return presence;
    presence.show = show_of(stanza.text_of("show"));
    const auto number = stanza.text_of("priority");
    const auto priority = parse_number<int>(trim(number));
    if (priority && *priority >= -128 && *priority <= 127) presence.priority = *priority;
    presence.busy = stanza.child(xmpp::ns::native_presence, "busy") != nullptr;
    if (const auto idle = xmpp::find<xmpp::Idle>(stanza)) presence.idle_since = idle->since;
    return presence;
}

void encode_into(xmpp::Stanza& stanza, const Presence& presence) {
    const auto add = [&](std::string_view name, std::string_view text) {
        stanza.add(xml::Element(xmpp::ns::client, name).with_text(text));
    };
    if (presence.available && presence.show) add("show", to_string(*presence.show));
    if (!presence.status_text.empty()) add("status", presence.status_text);
    if (!presence.available) return;
    if (presence.priority != 0) add("priority", std::to_string(presence.priority));
    if (presence.busy) stanza.add(xml::Element(xmpp::ns::native_presence, "busy"));
    if (presence.idle_since) stanza.add(xmpp::encode(xmpp::Idle{*presence.idle_since}));
}

Availability availability(const Presence& presence) {
    if (!presence.available) return Availability::offline;
    if (presence.show == Show::dnd) return Availability::do_not_disturb;
    if (presence.busy) return Availability::busy;
    if (presence.show == Show::xa) return Availability::extended_away;
    if (presence.show == Show::away) return presence.idle_since ? Availability::idle : Availability::away;
    return Availability::available;  // <idle/> alone only says when somebody last typed
}

Presence aggregate(const std::vector<Presence>& resources) {
    const Presence* best = nullptr;
    for (const auto& candidate : resources) {
        if (!candidate.available) continue;
        const bool wins =
            !best || candidate.priority > best->priority ||
            (candidate.priority == best->priority && rank(availability(candidate)) <= rank(availability(*best)));
        if (wins) best = &candidate;
    }
    return best ? *best : Presence{};
}

ProbeAnswer answer_probe(bool user_exists, const RosterItem* item, bool own, const xmpp::Jid& probed,
                         const std::vector<std::string>& available_resources) {
    using Kind = ProbeAnswer::Kind;
    if (!user_exists) return {Kind::unsubscribed, {}};
    if (!own && !(item && item->lets_in())) return {item && item->pending_in ? Kind::ignore : Kind::unsubscribed, {}};
    auto resources = own || item->has_from() ? available_resources : std::vector<std::string>{};
    if (!probed.is_bare()) std::erase_if(resources, [&](const std::string& name) { return name != probed.resource(); });
    if (resources.empty()) return {Kind::unavailable, {}};
    return {Kind::presence, std::move(resources)};
}

}  // namespace parley::im
