#include "im/roster_iq.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "xmpp/ns.hpp"

namespace parley::im {
namespace {

using xmpp::stanza_error;

xml::Element query_with(std::optional<std::uint64_t> version) {
    xml::Element query(xmpp::ns::roster, "query");
    if (version) query.set("ver", std::to_string(*version));
    return query;
}

}  // namespace

std::variant<RosterSet, xmpp::StanzaError> decode_roster_set(const xml::Element& query, const xmpp::Jid& user) {
    const auto items = query.children();
    if (items.size() != 1 || !items.front()->is(xmpp::ns::roster, "item"))
        return stanza_error("bad-request", "A roster set holds one item.");
    const auto& element = *items.front();
    const auto contact = xmpp::Jid::parse(element.attribute("jid"));
    if (!contact) return stanza_error(element.has_attribute("jid") ? "jid-malformed" : "bad-request");
    if (contact->same_bare(user)) return stanza_error("not-allowed", "You are not a contact of yourself.");

    RosterSet set;
    set.contact = contact->bare();
    set.remove = element.attribute("subscription") == "remove";
    if (set.remove) return set;
    set.name = element.attribute("name");
    if (set.name.size() > roster_name_max) return stanza_error("not-acceptable", "The name is too long.");
    for (const auto* child : element.children()) {
        if (!child->is(xmpp::ns::roster, "group")) continue;
        auto group = child->text();
        if (group.empty()) return stanza_error("not-acceptable", "A group without a name.");
        if (group.size() > roster_group_max) return stanza_error("not-acceptable", "The name of a group is too long.");
        if (std::find(set.groups.begin(), set.groups.end(), group) != set.groups.end())
            return stanza_error("bad-request", "A group is there twice.");
        if (set.groups.size() == roster_groups_max) return stanza_error("not-acceptable", "Too many groups.");
        set.groups.push_back(std::move(group));
    }
    return set;
}

bool has_room(const Roster& roster, const xmpp::Jid& contact, std::size_t limit) {
    return roster.find(contact) != nullptr || roster.occupied() < limit;
}

std::variant<RosterItem, xmpp::StanzaError> apply_roster_set(const Roster& roster, const RosterSet& set,
                                                             std::size_t limit) {
    if (!has_room(roster, set.contact, limit)) return stanza_error("resource-constraint", "The roster is full.");
    const auto* before = roster.find(set.contact);
    RosterItem item = before ? *before : RosterItem{};
    item.contact = set.contact;
    item.name = set.name;
    item.groups = set.groups;
    item.listed = true;
    return item;
}

xml::Element encode_roster_item(const RosterItem& item) {
    xml::Element element(xmpp::ns::roster, "item");
    element.set("jid", item.contact.to_string());
    if (!item.name.empty()) element.set("name", item.name);
    element.set("subscription", to_string(item.subscription));
    if (item.pending_out) element.set("ask", "subscribe");
    if (item.pre_approved) element.set("approved", "true");
    for (const auto& group : item.groups) element.add(xml::Element(xmpp::ns::roster, "group").with_text(group));
    return element;
}

xml::Element encode_roster_push(const RosterItem& item, std::uint64_t version) {
    auto query = query_with(version);
    query.add(encode_roster_item(item));
    return query;
}

xml::Element encode_roster_removal(const xmpp::Jid& contact, std::uint64_t version) {
    auto query = query_with(version);
    xml::Element item(xmpp::ns::roster, "item");
    item.set("jid", contact.bare().to_string()).set("subscription", "remove");
    query.add(std::move(item));
    return query;
}

std::optional<xml::Element> answer_roster_get(const Roster& roster, const xml::Element& query) {
    const bool versioned = query.has_attribute("ver");
    if (versioned && query.attribute("ver") == std::to_string(roster.version)) return std::nullopt;
    auto answer = query_with(versioned ? std::optional(roster.version) : std::nullopt);
    for (const auto& [contact, item] : roster.items)
        if (item.shown()) answer.add(encode_roster_item(item));
    return answer;
}

}  // namespace parley::im
