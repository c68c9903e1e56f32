#include "server/user_policy.hpp"

#include <algorithm>
#include <unordered_set>

#include "im/policy_iq.hpp"
#include "server/presence.hpp"
#include "server/session.hpp"
#include "server/shard.hpp"
#include "server/trace_points.hpp"
#include "server/user.hpp"
#include "xmpp/ns.hpp"

namespace parley::server {

using xmpp::Stanza;

namespace {

// The sentences of `parleyctl trace`.
std::string_view trace_word(im::PairEvent::What what) {
    using What = im::PairEvent::What;
    switch (what) {
        case What::asked: return "asks-user";
        case What::let_in: return "let-in";
        case What::refused: return "refused-politely";
        case What::ended: return "not-let-in";
        case What::blocked: return "blocked";
        case What::unblocked: return "unblocked";
        case What::unheard: break;
    }
    return "unheard";
}

constexpr Millis audited_again{3'600'000};  // of one pair: who writes much does not write our audit log full

// What a change does to the block list, as the pushes of XEP-0191 name it.
im::BlockListChange block_list_change(const im::UserPolicy& before, const im::PolicyChange& change) {
    im::BlockListChange out;
    const auto was_blocked = [&](const xmpp::Jid& who) {
        const auto entry = before.entry(who);
        return entry && entry->verdict == im::Verdict::block;
    };
    for (const auto& entry : change.put) {
        if (entry.verdict == im::Verdict::block)
            out.blocked.push_back(entry.who);
        else if (was_blocked(entry.who))
            out.unblocked.push_back(entry.who);
    }
    for (const auto& who : change.remove)
        if (was_blocked(who)) out.unblocked.push_back(who);
    return out;
}

void push(Session& session, xml::Element payload) {
    Stanza stanza;
    stanza.kind = Stanza::Kind::iq;
    stanza.type = "set";
    stanza.id = "policy-" + std::to_string(++session.policy_pushes);
    stanza.to = session.jid();
    stanza.add(std::move(payload));
    session.deliver(im::envelope(std::move(stanza)));
}

// To the clients that have asked by one of the store's faces.
void push_change(const User& user, const im::PolicyChange& change, const im::BlockListChange& blocks) {
    for (const auto& session : user.sessions()) {
        if (session->asked_block_list) {
            if (!blocks.blocked.empty()) push(*session, im::encode_block(blocks.blocked));
            if (!blocks.unblocked.empty()) push(*session, im::encode_unblock(blocks.unblocked));
        }
        if (session->asked_privacy_list && !(change.put.empty() && change.remove.empty()))
            push(*session, im::encode_privacy_push());
        if (session->asked_policy) push(*session, im::encode_policy_change(change));
    }
}

}  // namespace

bool User::blocks(const xmpp::Jid& who) const {
    if (!policy_.blocks(who) || who.same_bare(jid_)) return false;
    return !who.local().empty() || who.domain() != jid_.domain();  // the user's own server speaks to it always
}

im::Verdict User::verdict(const xmpp::Jid& contact) const {
    return policy_.decide(contact, shard_.is_local(contact.domain())).verdict;
}

// A SIP watcher has no word for a permission that ends but the one for a refusal.
im::Manner User::manner(const xmpp::Jid& contact) const {
    const bool sip =
        !shard_.is_local(contact.domain()) && shard_.settings().policy.route(contact.domain()) == im::Transport::sip;
    return sip || blocks(contact) ? im::Manner::silent : im::Manner::polite;
}

void User::change_policy(im::PolicyChange change, Function<void(Result<>)> then) {
    std::unordered_set<xmpp::Jid> keys;
    for (const auto& entry : change.put) keys.insert(entry.who);
    for (const auto& who : change.remove) keys.insert(who);
    std::vector<Touched> touched;
    for (const auto& [contact, item] : roster_.items)
        if (keys.contains(contact) || keys.contains(contact.domain_jid()) ||
            (item.pending_in && (change.inside || change.outside)))
            touched.push_back({contact, blocks(contact)});
    auto blocks_changed = block_list_change(policy_, change);
    policy_.apply(change);
    last_used = shard_.clock().now();
    shard_.stores().user_policies().apply(
        jid_, change,
        [&shard = shard_, jid = jid_, change, blocks_changed = std::move(blocks_changed), touched = std::move(touched),
         then = std::move(then)](Result<> stored) mutable {
            auto* now = shard.loaded_user(jid);
            if (!stored) {
                shard.reload_policy(jid);  // memory says what the disk does not
                return then(std::move(stored));
            }
            if (!now) return then(Error{Errc::not_found, jid.to_string()});
            push_change(*now, change, blocks_changed);
            now->policy_in_force(touched, std::move(then));
        });
}

void User::policy_in_force(const std::vector<Touched>& touched, Function<void(Result<>)> then) {
    std::vector<std::pair<xmpp::Jid, im::SubscriptionOutcome>> outcomes;
    for (const auto& [contact, was_blocked] : touched) {
        const auto* item = roster_.find(contact);
        if (!item) continue;
        const bool is_blocked = blocks(contact);
        if (is_blocked != was_blocked)
            note_event(shard_, jid_, contact,
                       is_blocked ? im::PairEvent::What::blocked : im::PairEvent::What::unblocked);
        for (const auto& session : sessions_)
            if (is_blocked && !was_blocked && item->has_from() && session->available())
                shard_.send(presence_stanza(session->jid(), contact, "unavailable"));
        if (!is_blocked && was_blocked) {
            if (item->has_from()) show_presence(shard_, *this, contact, true);
            if (item->pending_out && has_available())  // what was not sent again meanwhile
                shard_.route(im::envelope(presence_stanza(jid_, contact, "subscribe")), [](im::Outcome) {});
            for (const auto& session : sessions_)
                if (item->has_to() && session->available())
                    shard_.send(presence_stanza(session->jid(), contact, "probe"));
        }
        if (auto outcome = im::decided_anew(*item, verdict(contact)); outcome != im::SubscriptionOutcome{})
            outcomes.emplace_back(contact, std::move(outcome));
    }
    for (const auto& session : sessions_) {
        std::vector<xmpp::Jid> shut_out;
        for (const auto& address : session->directed)
            if (blocks(address)) shut_out.push_back(address);
        for (const auto& address : shut_out) {
            session->directed.erase(address);
            const auto* item = roster_.find(address);
            if (session->available() && item && item->has_from()) continue;  // has heard it above
            shard_.send(presence_stanza(session->jid(), address, "unavailable"));
        }
    }
    decide(std::move(outcomes), std::move(then));
}

void User::decide(std::vector<std::pair<xmpp::Jid, im::SubscriptionOutcome>> outcomes, Function<void(Result<>)> then) {
    std::vector<im::RosterItem> items;
    for (const auto& [contact, outcome] : outcomes)
        if (outcome.item) items.push_back(*outcome.item);
    if (items.empty()) return then({});
    change_roster(std::move(items), [&shard = shard_, jid = jid_, outcomes = std::move(outcomes),
                                     then = std::move(then)](Result<> stored) {
        auto* now = shard.loaded_user(jid);
        if (stored && now)
            for (const auto& [contact, outcome] : outcomes) {
                const auto* item = now->roster().find(contact);
                conclude(shard, *now, contact, outcome, item ? request_of(*item) : nullptr);
            }
        then(std::move(stored));
    });
}

void User::answer_decided() {
    std::vector<std::pair<xmpp::Jid, im::SubscriptionOutcome>> outcomes;
    for (const auto& [contact, item] : roster_.items) {
        if (!item.pending_in) continue;
        const auto now = verdict(contact);
        if (now != im::Verdict::ask) outcomes.emplace_back(contact, im::decided_anew(item, now));
    }
    decide(std::move(outcomes), [](const Result<>&) {});
}

std::optional<im::PolicyChange> decision_in(const Session& session, const Stanza& answer, im::SubscriptionType type,
                                            const im::RosterItem* before) {
    using Type = im::SubscriptionType;
    if (type != Type::subscribed && type != Type::unsubscribed) return std::nullopt;
    const bool waits = before && before->pending_in;
    const auto& shard = session.user().shard();
    const auto* decision = session.native ? answer.child(xmpp::ns::policy, "decision") : nullptr;
    const auto scope = decision ? decision->attribute("scope") : std::string_view("person");
    if (scope == "once" || !(waits || decision)) return std::nullopt;
    if (!session.native && !shard.node().settings.get()->third_party_decisions_count) return std::nullopt;
    im::PolicyEntry entry;
    entry.who = scope == "domain" ? answer.to.domain_jid() : answer.to.bare();
    entry.verdict = type == Type::subscribed ? im::Verdict::allow : im::Verdict::block;
    entry.by = session.native ? im::DecidedBy::native_client : im::DecidedBy::client;
    entry.at = shard.clock().wall();
    const auto& policy = session.user().policy();
    if (!policy.entry(entry.who) && policy.size() >= shard.node().settings.get()->limits.policy_entries)
        return std::nullopt;  // the answer counts all the same
    im::PolicyChange change;
    change.put.push_back(std::move(entry));
    return change;
}

void note_event(Shard& shard, const xmpp::Jid& user, const xmpp::Jid& contact, im::PairEvent::What what) {
    if (trace::on(shard)) trace::subscription(shard, user, contact, trace_word(what));
    shard.events.note(user, contact, {what, shard.clock().wall()});
}

void note_unheard(Shard& shard, const User& user, const Stanza& stanza) {
    shard.counters.unheard.fetch_add(1, std::memory_order_relaxed);
    auto& entry = shard.events.note(user.jid(), stanza.from, {im::PairEvent::What::unheard, shard.clock().wall()});
    const auto now = shard.clock().now();
    const bool first = ++entry.unheard == 1;
    if (!first && now - entry.audited < audited_again) return;
    entry.audited = now;
    if (shard.node().unheard) shard.node().unheard(user.jid(), stanza.from.bare());
}

void Shard::describe(const xmpp::Jid& user, const xmpp::Jid& contact, Function<void(Result<im::PairFacts>)> then) {
    with_user(user, [this, user, contact, then = std::move(then)](const Result<User*>& found) {
        im::PairFacts facts;
        if (!found) {
            if (found.error().code == Errc::not_found) return then(facts);
            return then(found.error());
        }
        const auto& loaded = **found;
        facts.exists = true;
        facts.policy.inside = loaded.policy().inside;
        facts.policy.outside = loaded.policy().outside;
        if (const auto entry = loaded.policy().find(contact)) facts.policy.put(*entry);
        if (const auto* item = loaded.roster().find(contact)) facts.item = *item;
        for (const auto& session : loaded.sessions())
            if (session->available()) facts.available.push_back(session->jid().resource());
        if (const auto* entry = events.find(user, contact)) {
            facts.last = entry->last;
            facts.unheard = entry->unheard;
        }
        then(std::move(facts));
    });
}

Stanza blocked_error(const Stanza& stanza) {
    auto error = stanza.error(xmpp::stanza_error("not-acceptable"));
    error.children.back().set("type", "cancel").add(xml::Element(xmpp::ns::blocking_errors, "blocked"));
    return error;
}

}  // namespace parley::server
