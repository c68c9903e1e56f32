#include <algorithm>

#include "gateway/federation/sip_domains.hpp"
#include "gateway/mapping/address.hpp"
#include "sip/body/pidf.hpp"
#include "sip/header/content_type.hpp"
#include "xmpp/ns.hpp"

namespace parley::gateway {
namespace {

constexpr std::string_view pidf_type = "application/pidf+xml";
constexpr Millis answer_patience{2'000};    // for what a probe brings in
constexpr Millis settling{50};              // several resources answer one after another
constexpr std::size_t most_resources = 64;  // of one user, as one watcher sees them
// After our start: for clients to be back. Who has not been seen by then is asked for, so many at a time.
constexpr Millis clients_return{60'000};
constexpr std::size_t asked_at_once = 100;
constexpr Millis between_questions{100};

}  // namespace

void SipDomains::emit(const Pair& pair, std::string_view type) {
    xmpp::Stanza stanza;
    stanza.kind = xmpp::Stanza::Kind::presence;
    stanza.from = pair.second;
    stanza.to = pair.first;
    stanza.type = type;
    auto envelope = im::envelope(std::move(stanza));
    if (type == "probe" || type == "unavailable") return router_.send(std::move(envelope));
    envelope.durable = true;
    router_.route(std::move(envelope), [](im::Outcome) {});  // a user who has gone needs no answer
}

void SipDomains::deliver_presence(const xmpp::Stanza& stanza, const Pair& pair) {
    const auto& type = stanza.type;
    if (type.empty() || type == "unavailable") return user_presence(stanza, pair);
    if (type == "subscribed" || type == "unsubscribed") return user_decided(pair, type == "subscribed");
    contact_presence(stanza, pair);
}

// ---- a partner's user watches ours

void SipDomains::on_subscribe(sip::UsageId id, const sip::SubscribeInfo& info) {
    const auto pair = pair_of(info.party);
    if (!pair) return core_.reject_subscription(id, 404);
    auto& watchers = watchers_[*pair];
    pair_of_usage_[id.value] = *pair;
    if (info.look_up) {
        watchers.look_ups.push_back(id);
        flush_soon(*pair, answer_patience);
        return emit(*pair, "probe");
    }
    watchers.usages.push_back(id);
    if (watchers.authorised)
        return core_.accept_subscription(id, sip::Notifier::State::active, presence_body(*pair, watchers));
    // Answered when our server has taken the request, which says whether there is such a user. It answers for its user
    // when it was allowed before, and that may be faster.
    xmpp::Stanza stanza;
    stanza.kind = xmpp::Stanza::Kind::presence;
    stanza.from = pair->second;
    stanza.to = pair->first;
    stanza.type = "subscribe";
    add_name(stanza, pair->second, info.party.remote_display);
    auto envelope = im::envelope(std::move(stanza));
    envelope.durable = true;
    router_.route(std::move(envelope), [this, weak = std::weak_ptr<int>(alive_), id](im::Outcome refused) {
        if (weak.expired()) return;
        request_taken(id, !refused);
        arm();
    });
}

void SipDomains::request_taken(sip::UsageId id, bool taken) {
    const auto found = pair_of_usage_.find(id.value);
    const auto watchers = found == pair_of_usage_.end() ? watchers_.end() : watchers_.find(found->second);
    if (watchers == watchers_.end()) return;
    if (!taken) {
        on_watcher_gone(id, {});
        return core_.reject_subscription(id, 404);
    }
    if (!watchers->second.authorised) return core_.accept_subscription(id, sip::Notifier::State::pending, {});
    // What the user's presence is has been asked and will be here in a moment: "pending" would be one NOTIFY more, and
    // not true.
    if (watchers->second.flush.pending()) return watchers->second.asked.push_back(id);
    core_.accept_subscription(id, sip::Notifier::State::active, presence_body(watchers->first, watchers->second));
}

void SipDomains::on_watcher_gone(sip::UsageId id, const sip::WatcherEnd&) {
    const auto found = pair_of_usage_.extract(id.value);
    if (found.empty()) return;
    const auto watchers = watchers_.find(found.mapped());
    if (watchers == watchers_.end()) return;
    std::erase(watchers->second.usages, id);
    std::erase(watchers->second.asked, id);
    // The permission stays in the user's roster: SIP subscriptions come and go with the watcher's logins.
    if (watchers->second.usages.empty() && watchers->second.look_ups.empty()) watchers_.erase(watchers);
}

void SipDomains::user_presence(const xmpp::Stanza& stanza, const Pair& pair) {
    const auto found = watchers_.find(pair);
    if (found == watchers_.end()) return;
    auto& resources = found->second.resources;
    const auto& resource = stanza.from.resource();
    if (stanza.type == "unavailable" && resource.empty())
        resources.clear();
    else
        std::erase_if(resources, [&](const auto& entry) { return entry.first == resource; });
    const auto presence = im::presence_of(stanza);
    if (presence.available && resources.size() < most_resources) resources.emplace_back(resource, presence);
    if (found->second.unsure && resources.empty()) return;
    found->second.unsure = false;
    flush_soon(pair, settling);
}

void SipDomains::user_decided(const Pair& pair, bool allowed) {
    const auto found = watchers_.find(pair);
    if (found == watchers_.end()) return;
    auto& watchers = found->second;
    if (allowed) {
        if (std::exchange(watchers.authorised, true)) return;
        emit(pair, "probe");
        return flush_soon(pair, answer_patience);
    }
    if (!watchers.look_ups.empty() && !watchers.authorised) {
        // What the look-up's probe brought, and no decision of the user's.
        watchers.resources.clear();
        return flush_soon(pair, settling);
    }
    // A refusal is polite: the watcher sees the user offline, and nothing tells it why (docs/policy.md).
    watchers.authorised = true;
    watchers.unsure = false;
    watchers.resources.clear();
    flush_soon(pair, settling);
}

// The earlier of two wishes counts: the long one is only for the case that nothing comes.
void SipDomains::flush_soon(const Pair& pair, Millis delay) {
    auto& watchers = watchers_[pair];
    if (watchers.flush.pending() && delay == answer_patience) return;
    watchers.flush = executor_.after(delay, [this, pair] { flush(pair); });
}

// What the partner was told before we stopped may not be so any more. But nobody is here yet, and to say so would be a
// lie in a minute: each user's watchers hear of the user's return. About those who do not return our server is asked,
// which also knows who may not watch any more.
void SipDomains::restore_watchers() {
    bool any = false;
    for (auto& [pair, watchers] : watchers_) any |= watchers.unsure = watchers.authorised;
    if (any) unseen_ = executor_.after(clients_return, [this] { ask_the_unseen(); });
}

void SipDomains::ask_the_unseen() {
    unseen_ = {};
    std::vector<Pair> unseen;
    for (auto& [pair, watchers] : watchers_) {
        if (!watchers.unsure) continue;
        if (unseen.size() == asked_at_once) {
            unseen_ = executor_.after(between_questions, [this] { ask_the_unseen(); });
            break;
        }
        watchers.unsure = false;
        unseen.push_back(pair);
    }
    for (const auto& pair : unseen) {
        flush_soon(pair, answer_patience);
        emit(pair, "probe");
    }
}

// Nothing while it is not known: who may watch, and has been told no more yet, hears what is so as soon as we know.
sip::SharedBody SipDomains::presence_body(const Pair& pair, const Watchers& watchers) {
    if (watchers.unsure) return {};
    const auto& profile = profile_of(pair.second);
    const auto is_said = [](const im::Presence& said, const auto& entry) { return said == entry.second; };
    if (told_.profile == &profile && told_.user == pair.first &&
        std::equal(told_.said.begin(), told_.said.end(), watchers.resources.begin(), watchers.resources.end(), is_said))
        return told_.body;
    told_ = {pair.first, &profile, {}, {}};
    for (const auto& [resource, presence] : watchers.resources) told_.said.push_back(presence);
    const auto uri = uri_of(pair.first);
    const auto entity = uri ? uri->text() : std::string{};
    told_.body = {std::string(pidf_type),
                  sip::encode_pidf(pidf_for(profile, im::aggregate(told_.said), entity, entity))};
    return told_.body;
}

void SipDomains::flush(const Pair& pair) {
    const auto found = watchers_.find(pair);
    if (found == watchers_.end()) return;
    auto& watchers = found->second;
    watchers.flush = {};
    const auto body = presence_body(pair, watchers);
    for (const auto id : std::exchange(watchers.look_ups, {})) {
        pair_of_usage_.erase(id.value);
        core_.accept_subscription(id, sip::Notifier::State::active, body);
    }
    for (const auto id : std::exchange(watchers.asked, {}))
        core_.accept_subscription(id, sip::Notifier::State::active, body);
    if (watchers.authorised) {
        const auto usages = watchers.unsure ? std::vector<sip::UsageId>{} : watchers.usages;
        for (const auto usage : usages) core_.notify(usage, sip::Notifier::State::active, body);
    } else if (watchers.usages.empty()) {
        watchers_.erase(found);
    }
    arm();
}

}  // namespace parley::gateway
