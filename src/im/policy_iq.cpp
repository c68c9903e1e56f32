#include "im/policy_iq.hpp"

#include <algorithm>

#include "xmpp/ns.hpp"
#include "xmpp/payload/datetime.hpp"

namespace parley::im {
namespace {

namespace ns = xmpp::ns;
using xmpp::stanza_error;
using xmpp::StanzaError;

// The jid of an <item/>, fit for a list; empty: `wrong` says why not.
xmpp::Jid listed(std::string_view text, const xmpp::Jid& user, std::optional<StanzaError>& wrong) {
    const auto jid = xmpp::Jid::parse(text);
    if (!jid) {
        wrong = stanza_error("jid-malformed", std::string(text.substr(0, 100)) + " is no address.");
        return {};
    }
    if (!may_be_listed(user, *jid)) {
        wrong = stanza_error("not-allowed", "You are not in your own list.");
        return {};
    }
    return *jid;
}

std::variant<std::vector<xmpp::Jid>, StanzaError> items_of(const xml::Element& element, const xmpp::Jid& user) {
    std::vector<xmpp::Jid> all;
    std::optional<StanzaError> wrong;
    for (const auto* child : element.children()) {
        if (!child->is(ns::blocking, "item")) continue;
        auto who = listed(child->attribute("jid"), user, wrong);
        if (wrong) return *wrong;
        all.push_back(std::move(who));
    }
    return all;
}

xml::Element with_items(std::string_view name, const std::vector<xmpp::Jid>& who) {
    xml::Element element(ns::blocking, name);
    for (const auto& jid : who) element.add(xml::Element(ns::blocking, "item")).set("jid", jid.to_string());
    return element;
}

xml::Element policy_item(const xmpp::Jid& who, std::string_view verdict) {
    xml::Element item(ns::policy, "item");
    item.set("jid", who.to_string()).set("verdict", verdict);
    return item;
}

}  // namespace

bool has_room(const UserPolicy& policy, const PolicyChange& change, std::size_t limit) {
    std::size_t fresh = 0;
    for (const auto& entry : change.put) fresh += policy.entry(entry.who) ? 0U : 1U;
    std::size_t gone = 0;
    for (const auto& who : change.remove) gone += policy.entry(who) ? 1U : 0U;
    return fresh == 0 || policy.size() + fresh <= limit + gone;
}

xml::Element encode_block_list(const UserPolicy& policy) {
    std::vector<xmpp::Jid> who;
    for (auto& entry : policy.entries())
        if (entry.verdict == Verdict::block) who.push_back(std::move(entry.who));
    return with_items("blocklist", who);
}

xml::Element encode_block(const std::vector<xmpp::Jid>& who) {
    return with_items("block", who);
}

xml::Element encode_unblock(const std::vector<xmpp::Jid>& who) {
    return with_items("unblock", who);
}

PolicyRequest decode_block(const xml::Element& block, const PolicyAuthor& author) {
    auto items = items_of(block, author.user);
    if (const auto* wrong = std::get_if<StanzaError>(&items)) return *wrong;
    auto& who = std::get<std::vector<xmpp::Jid>>(items);
    if (who.empty()) return stanza_error("bad-request", "Nobody is named.");
    PolicyChange change;
    for (auto& jid : who) change.put.push_back({std::move(jid), Verdict::block, author.by, author.now});
    return change;
}

PolicyRequest decode_unblock(const xml::Element& unblock, const UserPolicy& policy) {
    auto items = items_of(unblock, {});
    if (const auto* wrong = std::get_if<StanzaError>(&items)) return *wrong;
    auto& who = std::get<std::vector<xmpp::Jid>>(items);
    PolicyChange change;
    if (who.empty()) {
        for (auto& entry : policy.entries())
            if (entry.verdict == Verdict::block) change.remove.push_back(std::move(entry.who));
        return change;
    }
    for (auto& jid : who) {
        const auto entry = policy.entry(jid);  // who is allowed stays so
        if (entry && entry->verdict == Verdict::block) change.remove.push_back(std::move(jid));
    }
    return change;
}

xml::Element encode_policy(const UserPolicy& policy) {
    xml::Element element(ns::policy, "policy");
    element.set("inside", to_string(policy.inside)).set("outside", to_string(policy.outside));
    for (const auto& entry : policy.entries()) {
        auto& item = element.add(policy_item(entry.who, to_string(entry.verdict)));
        item.set("by", to_string(entry.by)).set("at", xmpp::format_datetime(entry.at));
    }
    return element;
}

xml::Element encode_policy_change(const PolicyChange& change) {
    xml::Element element(ns::policy, "policy");
    if (change.inside) element.set("inside", to_string(*change.inside));
    if (change.outside) element.set("outside", to_string(*change.outside));
    for (const auto& who : change.remove) element.add(policy_item(who, "unset"));
    for (const auto& entry : change.put) element.add(policy_item(entry.who, to_string(entry.verdict)));
    return element;
}

PolicyRequest decode_policy_set(const xml::Element& element, const PolicyAuthor& author) {
    PolicyChange change;
    const auto standard = [&](std::string_view name, std::optional<Verdict>& out) {
        if (!element.has_attribute(name)) return true;
        out = verdict_of(element.attribute(name));
        return out.has_value();
    };
    if (!standard("inside", change.inside) || !standard("outside", change.outside))
        return stanza_error("bad-request", "A default is allow, block or ask.");
    std::optional<StanzaError> wrong;
    for (const auto* child : element.children()) {
        if (!child->is(ns::policy, "item")) continue;
        auto who = listed(child->attribute("jid"), author.user, wrong);
        if (wrong) return *wrong;
        const auto word = child->attribute("verdict");
        if (word == "unset") {
            change.remove.push_back(std::move(who));
            continue;
        }
        const auto verdict = verdict_of(word);
        if (!verdict || *verdict == Verdict::ask)
            return stanza_error("bad-request", "A verdict is allow, block or unset.");
        change.put.push_back({std::move(who), *verdict, author.by, author.now});
    }
    if (change.empty()) return stanza_error("bad-request", "Nothing is to be changed.");
    return change;
}

}  // namespace parley::im
