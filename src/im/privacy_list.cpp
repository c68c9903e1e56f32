// XEP-0016 over the user's policy.
#include <algorithm>
#include <set>
#include <unordered_set>

#include "base/text.hpp"
#include "im/policy_iq.hpp"
#include "xmpp/ns.hpp"

namespace parley::im {
namespace {

namespace ns = xmpp::ns;
using xmpp::stanza_error;
using xmpp::StanzaError;

struct Item {
    std::uint32_t order = 0;
    xmpp::Jid who;  // empty: everybody else
    bool deny = false;
};

StanzaError not_kept(std::string_view what) {
    return stanza_error("feature-not-implemented",
                        std::string(what) + " cannot be kept here: a list has addresses, to allow or to deny wholly.");
}

// Only all four kinds together are what an entry says; so is none of them.
bool is_whole(const xml::Element& item) {
    std::set<std::string_view> kinds;
    for (const auto* child : item.children())
        if (child->ns() == ns::privacy) kinds.insert(child->name());
    if (kinds.empty()) return true;
    return kinds == std::set<std::string_view>{"message", "iq", "presence-in", "presence-out"};
}

std::variant<Item, StanzaError> item_of(const xml::Element& element, const xmpp::Jid& user) {
    Item item;
    const auto order = parse_number<std::uint32_t>(element.attribute("order"));
    const auto action = element.attribute("action");
    if (!order || (action != "allow" && action != "deny"))
        return stanza_error("bad-request", "An item has an order and an action, allow or deny.");
    item.order = *order;
    item.deny = action == "deny";
    if (!is_whole(element)) return not_kept("A rule for single kinds of stanzas");
    if (!element.has_attribute("type")) {
        if (item.deny) return not_kept("A list that denies everybody else");
        return item;
    }
    const auto type = element.attribute("type");
    if (type == "group" || type == "subscription") return not_kept("A rule by group or by subscription");
    if (type != "jid") return stanza_error("bad-request", "The type of an item is jid.");
    const auto who = xmpp::Jid::parse(element.attribute("value"));
    if (!who) return stanza_error("jid-malformed");
    if (!may_be_listed(user, *who)) return stanza_error("not-allowed", "You are not in your own list.");
    item.who = *who;
    return item;
}

// All that `who` is matched by, itself among them.
bool is_covered(const std::unordered_set<xmpp::Jid>& earlier, const xmpp::Jid& who) {
    return earlier.contains(who) || earlier.contains(who.bare()) || earlier.contains(who.domain_jid());
}

PolicyRequest decode_list(const xml::Element& list, const UserPolicy& policy, const PolicyAuthor& author) {
    std::vector<Item> items;
    std::set<std::uint32_t> orders;
    for (const auto* child : list.children()) {
        if (!child->is(ns::privacy, "item")) continue;
        auto item = item_of(*child, author.user);
        if (const auto* wrong = std::get_if<StanzaError>(&item)) return *wrong;
        if (!orders.insert(std::get<Item>(item).order).second)
            return stanza_error("bad-request", "Two items have the same order.");
        items.push_back(std::get<Item>(std::move(item)));
    }
    std::sort(items.begin(), items.end(), [](const Item& a, const Item& b) { return a.order < b.order; });
    // The first match counts there, the narrowest here: what an earlier item covers never matches.
    std::unordered_set<xmpp::Jid> named;
    PolicyChange change;
    for (auto& item : items) {
        if (item.who.empty()) break;
        if (is_covered(named, item.who)) continue;
        named.insert(item.who);
        const auto verdict = item.deny ? Verdict::block : Verdict::allow;
        const auto before = policy.entry(item.who);
        if (before && before->verdict == verdict) continue;
        change.put.push_back({std::move(item.who), verdict, author.by, author.now});
    }
    for (auto& entry : policy.entries())
        if (!named.contains(entry.who)) change.remove.push_back(std::move(entry.who));
    return change;
}

}  // namespace

std::variant<xml::Element, StanzaError> answer_privacy_get(const xml::Element& query, const UserPolicy& policy) {
    xml::Element answer(ns::privacy, "query");
    const auto asked = query.children();
    if (asked.empty()) {
        answer.add(xml::Element(ns::privacy, "default")).set("name", privacy_list_name);
        answer.add(xml::Element(ns::privacy, "list")).set("name", privacy_list_name);
        return answer;
    }
    if (asked.size() != 1 || !asked.front()->is(ns::privacy, "list"))
        return stanza_error("bad-request", "One list at a time.");
    if (asked.front()->attribute("name") != privacy_list_name) return stanza_error("item-not-found");
    auto& list = answer.add(xml::Element(ns::privacy, "list"));
    list.set("name", privacy_list_name);
    auto entries = policy.entries();
    std::stable_partition(entries.begin(), entries.end(), [](const PolicyEntry& e) { return !e.who.is_bare(); });
    // People before domains: the narrower entry counts.
    std::stable_partition(entries.begin(), entries.end(), [](const PolicyEntry& e) { return !e.who.local().empty(); });
    int order = 0;
    for (const auto& entry : entries)
        list.add(xml::Element(ns::privacy, "item"))
            .set("type", "jid")
            .set("value", entry.who.to_string())
            .set("action", entry.verdict == Verdict::block ? "deny" : "allow")
            .set("order", std::to_string(++order));
    return answer;
}

PolicyRequest decode_privacy_set(const xml::Element& query, const UserPolicy& policy, const PolicyAuthor& author) {
    const auto children = query.children();
    if (children.size() != 1 || children.front()->ns() != ns::privacy) return stanza_error("bad-request");
    const auto& child = *children.front();
    const auto name = child.attribute("name");
    const bool ours = name == privacy_list_name;
    if (child.name() == "active" || child.name() == "default") {
        if (ours) return PolicyChange{};  // it applies already
        if (!name.empty()) return stanza_error("item-not-found");
        if (child.name() == "active") return PolicyChange{};  // the default list applies, which is the same one
        return stanza_error("not-allowed", "The list always applies; take out of it what should not.");
    }
    if (child.name() != "list") return stanza_error("bad-request");
    if (!ours) return stanza_error("not-allowed", "There is one list here, and its name is \"policy\".");
    return decode_list(child, policy, author);
}

xml::Element encode_privacy_push() {
    xml::Element query(ns::privacy, "query");
    query.add(xml::Element(ns::privacy, "list")).set("name", privacy_list_name);
    return query;
}

}  // namespace parley::im
