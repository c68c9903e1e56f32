#include "im/partner_presence.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "xmpp/ns.hpp"
#include "xmpp/payload/idle.hpp"

namespace parley::im {
namespace {

using xmpp::Stanza;
namespace ns = xmpp::ns;
constexpr std::string_view idle_text = "Idle";

bool is_presence(const Stanza& stanza) {
    return stanza.kind == Stanza::Kind::presence && stanza.type.empty();
}

bool has_mark(const Stanza& stanza) {
    return std::any_of(stanza.children.begin(), stanza.children.end(), [](const xml::Element& child) {
        return child.ns() == ns::native_presence && (child.name() == added_status || child.name() == in_meeting);
    });
}

void remove_marks(Stanza& stanza) {
    stanza.remove(ns::native_presence, added_status);
    stanza.remove(ns::native_presence, in_meeting);
}

void set_text(Stanza& stanza, std::string_view name, std::string_view text) {
    stanza.remove(ns::client, name);
    stanza.add(xml::Element(ns::client, name).with_text(text));
}

// Clients that do not know XEP-0319 say it in the text.
Availability availability_of(const Presence& presence) {
    const auto said = availability(presence);
    const bool by_text = said == Availability::away && equal_ignoring_case(trim(presence.status_text), idle_text);
    return by_text ? Availability::idle : said;
}

Availability written_as(const XmppProfile& kind, Availability ours) {
    const auto row = std::find_if(kind.written.begin(), kind.written.end(),
                                  [&](const WrittenRow& candidate) { return candidate.ours == ours; });
    return row == kind.written.end() ? ours : row->written;
}

}  // namespace

std::shared_ptr<const Stanza> written_for(const XmppProfile& kind, const Stanza& stanza, TimePoint now) {
    if (!is_presence(stanza)) return nullptr;
    const auto presence = presence_of(stanza);
    const auto ours = availability_of(presence);
    const auto written = written_as(kind, ours);
    if (written == ours && ours != Availability::idle && !has_mark(stanza)) return nullptr;

    auto changed = std::make_shared<Stanza>(stanza);
    remove_marks(*changed);
    if (written != Availability::busy) changed->remove(ns::native_presence, "busy");
    if (written == Availability::away) {
        set_text(*changed, "show", "away");
        changed->remove(ns::idle, "idle");
    }
    if (written == Availability::idle) {
        set_text(*changed, "show", "away");
        if (!presence.idle_since) {
            changed->remove(ns::idle, "idle");
            changed->add(xmpp::encode(xmpp::Idle{now}));
        }
        if (presence.status_text.empty()) {
            set_text(*changed, "status", idle_text);
            if (kind.reads_marks) changed->add(xml::Element(ns::native_presence, added_status));
        }
    }
    return changed;
}

void mark_arrived(const XmppProfile& kind, Stanza& presence) {
    if (!is_presence(presence)) return;
    presence.remove(ns::native_presence, in_meeting);
    if (!kind.reads_marks) presence.remove(ns::native_presence, added_status);
    if (!kind.meeting.empty() && presence.text_of("show") == "away" &&
        equal_ignoring_case(trim(presence.text_of("status")), kind.meeting))
        presence.add(xml::Element(ns::native_presence, in_meeting));
}

std::shared_ptr<const Stanza> for_client(const Stanza& presence, bool native, bool local) {
    if (!is_presence(presence)) return nullptr;
    const bool marked = has_mark(presence);
    const bool says_idle = local && !native && presence.child(ns::idle, "idle") && presence.text_of("show") == "away" &&
                           presence.text_of("status").empty();
    if (!marked && !says_idle) return nullptr;
    auto own = std::make_shared<Stanza>(presence);
    if (native && own->child(ns::native_presence, added_status)) own->remove(ns::client, "status");
    if (!native && own->child(ns::native_presence, in_meeting)) own->remove(ns::client, "show");
    if (says_idle) set_text(*own, "status", idle_text);
    remove_marks(*own);
    return own;
}

}  // namespace parley::im
