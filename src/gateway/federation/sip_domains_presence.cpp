#include <algorithm>

#include "gateway/federation/sip_domains.hpp"
#include "gateway/mapping/address.hpp"
#include "sip/body/pidf.hpp"
#include "sip/header/content_type.hpp"
#include "xmpp/ns.hpp"

namespace parley::gateway {
namespace {

constexpr std::string_view pidf_type = "application/pidf+xml";
constexpr Millis answer_patience{2'000};  // for what a probe brings in
constexpr Millis settling{50};            // several resources answer one after another
constexpr Seconds first_retry{60}, longest_retry{3600};
constexpr std::size_t most_resources = 64;  // of one user, as one watcher sees them

bool is_refusal(const sip::SubscriptionEnd& end) {
    return end.next == sip::SubscriptionEnd::Next::never &&
           (end.reason == "rejected" || end.reason == "noresource" || end.status == 403 || end.status == 404 ||
            end.status == 603 || end.status == 604);
}

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
    const auto found = contacts_.find(pair);
    if (type == "subscribe") {
        if (found == contacts_.end()) return watch(pair);
        if (!found->second.usage) return watch(pair);
        if (!found->second.active) return;
        emit(pair, "subscribed");
        if (found->second.last) show(pair, *found->second.last, pair.first);
    } else if (type == "unsubscribe") {
        if (found == contacts_.end()) return;
        const auto usage = found->second.usage;
        const bool was_seen = found->second.last && found->second.last->availability != im::Availability::offline;
        contacts_.erase(found);
        if (usage) core_.unsubscribe(usage);
        if (was_seen) emit(pair, "unavailable");
    } else if (type == "probe") {
        // Only who may see the contact is let ask (RFC 6121 4.3.1), so that a lost subscription is made anew.
        if (found == contacts_.end()) return watch(pair);
        auto& contact = found->second;
        if (contact.last) show(pair, *contact.last, stanza.from);
        if (contact.usage && std::exchange(contact.stale, false)) core_.refresh(contact.usage);
    }
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
    if (watchers->second.authorised && !watchers->second.flush.pending())
        return core_.accept_subscription(id, sip::Notifier::State::active,
                                         presence_body(watchers->first, watchers->second));
    core_.accept_subscription(id, sip::Notifier::State::pending, {});
}

void SipDomains::on_watcher_gone(sip::UsageId id, const sip::WatcherEnd&) {
    const auto found = pair_of_usage_.extract(id.value);
    if (found.empty()) return;
    const auto watchers = watchers_.find(found.mapped());
    if (watchers == watchers_.end()) return;
    std::erase(watchers->second.usages, id);
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
    watchers.authorised = false;
    const auto usages = watchers.usages;
    for (const auto usage : usages) core_.end_subscription(usage, "rejected");
}

// The earlier of two wishes counts: the long one is only for the case that nothing comes.
void SipDomains::flush_soon(const Pair& pair, Millis delay) {
    auto& watchers = watchers_[pair];
    if (watchers.flush.pending() && delay == answer_patience) return;
    watchers.flush = executor_.after(delay, [this, pair] { flush(pair); });
}

sip::Body SipDomains::presence_body(const Pair& pair, const Watchers& watchers) const {
    std::vector<im::Presence> all;
    for (const auto& [resource, presence] : watchers.resources) all.push_back(presence);
    const auto uri = uri_of(pair.first);
    const auto entity = uri ? uri->text() : std::string{};
    return {std::string(pidf_type),
            sip::encode_pidf(pidf_for(profile_of(pair.second), im::aggregate(all), entity, entity))};
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
    if (watchers.authorised) {
        const auto usages = watchers.usages;
        for (const auto usage : usages) core_.notify(usage, sip::Notifier::State::active, body);
    } else if (watchers.usages.empty()) {
        watchers_.erase(found);
    }
    arm();
}

// ---- our user watches a partner's

void SipDomains::watch(const Pair& pair) {
    const auto local = uri_of(pair.first), remote = uri_of(pair.second);
    if (!local || !remote) return emit(pair, "unsubscribed");
    auto& contact = contacts_[pair];
    contact.retry = {};
    contact.active = false;
    contact.usage = core_.subscribe(*local, *remote, {});
    if (contact.usage)
        pair_of_usage_[contact.usage.value] = pair;
    else
        retry_later(pair, first_retry);
}

void SipDomains::retry_later(const Pair& pair, Seconds delay) {
    contacts_[pair].retry = executor_.after(delay, [this, pair] {
        if (contacts_.contains(pair)) watch(pair);
        arm();
    });
}

// One stanza for every kind of client: the native form, and the text that a client which does not know it shows
// instead.
void SipDomains::show(const Pair& pair, const ContactPresence& presence, const xmpp::Jid& to) {
    const auto& profile = profile_of(pair.second);
    auto stanza = presence_for(ClientKind::native, presence, profile);
    if (stanza.text_of("status").empty()) {
        const auto plain = presence_for(ClientKind::third_party, presence, profile);
        if (const auto text = plain.text_of("status"); !text.empty())
            stanza.add(xml::Element(xmpp::ns::client, "status")).add_text(text);
    }
    stanza.from = pair.second;
    stanza.to = to;
    router_.send(im::envelope(std::move(stanza)));
}

int SipDomains::on_notify(sip::UsageId id, const sip::NotifyInfo& info) {
    const auto found = pair_of_usage_.find(id.value);
    const auto contact = found == pair_of_usage_.end() ? contacts_.end() : contacts_.find(found->second);
    if (contact == contacts_.end() || contact->second.usage != id) return 200;
    const auto pair = found->second;
    auto& state = contact->second;
    if (!info.body.text.empty()) {
        const auto type = sip::parse_content_type(info.body.type);
        if (!type || !type->is(pidf_type)) return 415;
    }
    if (info.state.value != sip::SubscriptionState::Value::active) return 200;
    state.stale = false;
    state.back_off = Seconds{0};
    if (!std::exchange(state.active, true)) emit(pair, "subscribed");
    if (info.body.text.empty()) return 200;
    const auto pidf = sip::decode_pidf(info.body.text);
    if (!pidf) return 200;  // refusing it would end the subscription; the last good state stays
    auto presence = read_presence(*pidf, profile_of(pair.second));
    if (state.last && *state.last == presence) return 200;
    state.last = std::move(presence);
    show(pair, *state.last, pair.first);
    return 200;
}

void SipDomains::on_subscription_end(sip::UsageId id, const sip::SubscriptionEnd& end) {
    const auto found = pair_of_usage_.extract(id.value);
    if (found.empty()) return;
    const auto pair = found.mapped();
    const auto contact = contacts_.find(pair);
    if (contact == contacts_.end() || contact->second.usage != id) return;
    auto& state = contact->second;
    state.usage = {};
    state.active = false;
    using Next = sip::SubscriptionEnd::Next;
    if (end.next == Next::now && state.back_off == Seconds{0}) {
        state.back_off = first_retry;  // at once, but not for ever at once
        return watch(pair);
    }
    if (state.last && state.last->availability != im::Availability::offline) emit(pair, "unavailable");
    state.last.reset();
    if (is_refusal(end)) {
        contacts_.erase(contact);
        return emit(pair, "unsubscribed");
    }
    state.back_off = std::clamp(state.back_off * 2, first_retry, longest_retry);
    retry_later(pair, std::max(state.back_off, end.retry_after.value_or(Seconds{0})));
}

}  // namespace parley::gateway
