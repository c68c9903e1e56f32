#include <algorithm>

#include "base/hash.hpp"
#include "base/log.hpp"
#include "gateway/federation/sip_domains.hpp"
#include "gateway/mapping/presence_record.hpp"
#include "sip/body/pidf.hpp"
#include "sip/header/content_type.hpp"
#include "xmpp/ns.hpp"

// Our users watch a partner's: one subscription for each of them, also when several watch the same person, since the
// partner decides for each watcher (requirement D8).
namespace parley::gateway {
namespace {

constexpr std::string_view pidf_type = "application/pidf+xml";
constexpr Seconds first_retry{60}, first_retry_of_known{15}, longest_retry{3600};
constexpr Seconds lived{60};  // a subscription that ends sooner is not made anew at once

// For good. COMPAT(OCS, Lync): such an edge answers 403 to everybody while its administrator has us wrong in a list, so
// that for a person who has let us in before it is a fault of the moment.
bool is_refusal(const sip::SubscriptionEnd& end, const Profile& profile, bool known) {
    if (end.next != sip::SubscriptionEnd::Next::never) return false;
    if (end.status == 403) return !(profile.drafts_quirks && known);
    return end.reason == "rejected" || end.reason == "noresource" || end.status == 404 || end.status == 489 ||
           end.status == 603 || end.status == 604;
}

std::string why_ended(const sip::SubscriptionEnd& end) {
    std::string text =
        end.status != 0 ? std::to_string(end.status) + (end.local ? " (ours)" : "") : std::string("terminated");
    if (!end.reason.empty()) text += ", " + end.reason;
    return text;
}

void log_end(const SipDomains::Pair& pair, const sip::SubscriptionEnd& end) {
    if (!logs(LogLevel::info)) return;
    log(LogLevel::info, pair.second.domain(),
        "subscription of " + pair.first.to_string() + " to " + pair.second.to_string() + " ended: " + why_ended(end));
}

}  // namespace

void SipDomains::contact_presence(const xmpp::Stanza& stanza, const Pair& pair) {
    const auto& type = stanza.type;
    const auto found = contacts_.find(pair);
    if (type == "subscribe") {
        if (found == contacts_.end()) return watch(pair, false);
        auto& contact = found->second;
        if (!contact.active || !contact.usage) {
            contact.owes_answer = true;
            if (!contact.usage) queue(pair, contact);
            return;
        }
        say_subscribed(pair);
    } else if (type == "unsubscribe") {
        if (found == contacts_.end()) return;
        const auto usage = found->second.usage;
        const bool was_seen = found->second.last && found->second.last->availability != im::Availability::offline;
        contacts_.erase(found);
        if (usage) core_.unsubscribe(usage);
        if (was_seen) emit(pair, "unavailable");
    } else if (type == "probe") {
        // Only who may see the contact is let ask (RFC 6121 4.3.1), so that a lost subscription is made anew.
        if (found == contacts_.end()) return watch(pair, true);
        auto& contact = found->second;
        if (contact.last) show(pair, *contact.last, stanza.from);
        if (contact.queued || (contact.usage && contact.stale)) queue(pair, contact);
    }
}

void SipDomains::restore_contact(const Pair& pair, const sip::Restored& restored) {
    auto& contact = contacts_[pair];
    contact.usage = restored.id;
    contact.active = contact.known = restored.state == "active";
    contact.owes_answer = !contact.active;
    contact.stale = true;
    contact.heard = executor_.clock().now();
    contact.last = decode_contact_presence(restored.note);
}

void SipDomains::watch(const Pair& pair, bool known) {
    auto& contact = contacts_[pair];
    contact.known = known;
    contact.owes_answer = !known;
    queue(pair, contact);
}

// ---- turns

void SipDomains::queue(const Pair& pair, Contact& contact) {
    const bool online = router_.available(pair.first);
    if (contact.queued && (contact.queued_online || !online)) return;
    if (trace_.on() && !contact.queued) trace_.watch_step(pair, "waits-for-turn", {{"domain", pair.second.domain()}});
    contact.queued = true;
    contact.queued_online = online;
    contact.retry = {};
    wire_.ask_turn(pair.second.domain(), {pair, online, !contact.known, xxh64(pair.second.to_string())});
}

void SipDomains::on_turn(const Pair& pair) {
    const auto found = contacts_.find(pair);
    // It may have waited in two queues, or be wanted no more.
    const bool wanted = found != contacts_.end() && std::exchange(found->second.queued, false);
    if (!wanted || !begin(pair, found->second)) wire_.end_turn(pair.second.domain());
    arm();
}

// False: nothing was sent.
bool SipDomains::begin(const Pair& pair, Contact& contact) {
    contact.queued_online = false;
    if (contact.usage) {
        if (!std::exchange(contact.stale, false)) return false;
        turns_[contact.usage.value] = pair.second.domain();
        core_.refresh(contact.usage);
        return true;
    }
    const auto local = uri_of(pair.first), remote = uri_of(pair.second);
    if (!local || !remote) {
        contacts_.erase(pair);
        emit(pair, "unsubscribed");
        return false;
    }
    contact.usage = core_.subscribe(*local, *remote, {});
    if (!contact.usage) {
        retry_later(pair, first_retry);
        return false;
    }
    contact.active = contact.stale = contact.unreachable = false;
    contact.begun = executor_.clock().now();
    contact.heard = {};
    pair_of_usage_[contact.usage.value] = pair;
    turns_[contact.usage.value] = pair.second.domain();
    return true;
}

void SipDomains::release(sip::UsageId id) {
    if (const auto turn = turns_.extract(id.value); !turn.empty()) wire_.end_turn(turn.mapped());
    for (auto canary = canaries_.begin(); canary != canaries_.end(); ++canary) {
        if (canary->second != id) continue;
        wire_.canary_answered(canary->first, Recovery::Canary::alive);  // or it would have said something else
        canaries_.erase(canary);
        return;
    }
}

void SipDomains::retry_later(const Pair& pair, Seconds delay) {
    const auto spread = static_cast<std::uint64_t>(std::chrono::duration_cast<Millis>(delay).count()) / 4 + 1;
    const auto jitter = Millis{static_cast<std::int64_t>(random_.below(spread))};
    if (trace_.on()) trace_.watch_step(pair, "watch-again", {{"seconds", std::to_string(delay.count())}});
    contacts_[pair].retry = executor_.after(delay + jitter, [this, pair] {
        if (const auto contact = contacts_.find(pair); contact != contacts_.end()) queue(pair, contact->second);
        arm();
    });
}

// ---- what the partner says

void SipDomains::on_subscribe_answer(sip::UsageId id, int status, bool local) {
    was_canary_ = {};
    const auto found = pair_of_usage_.find(id.value);
    if (found == pair_of_usage_.end()) return release(id);
    const auto& domain = found->second.second.domain();
    const auto contact = contacts_.find(found->second);
    const bool accepted = status >= 200 && status < 300;
    if (accepted && contact != contacts_.end() && contact->second.usage == id)
        contact->second.heard = executor_.clock().now();
    if (const auto canary = canaries_.find(domain); canary != canaries_.end() && canary->second == id) {
        canaries_.erase(canary);
        was_canary_ = id;
        const bool later = local || status == 408 || status == 480 || (status >= 500 && status < 600);
        wire_.canary_answered(domain, later           ? Recovery::Canary::unreachable
                                      : status == 481 ? Recovery::Canary::unknown_dialog
                                                      : Recovery::Canary::alive);
    }
    release(id);
}

// The person's yes, and then how the person is: a client may not care for the presence of somebody it has not yet seen
// accept.
void SipDomains::say_subscribed(const Pair& pair) {
    xmpp::Stanza yes;
    yes.kind = xmpp::Stanza::Kind::presence;
    yes.from = pair.second;
    yes.to = pair.first;
    yes.type = "subscribed";
    auto envelope = im::envelope(std::move(yes));
    envelope.durable = true;
    router_.route(std::move(envelope), [this, weak = std::weak_ptr<int>(alive_), pair](im::Outcome) {
        if (weak.expired()) return;
        const auto contact = contacts_.find(pair);
        if (contact != contacts_.end() && contact->second.last) show(pair, *contact->second.last, pair.first);
    });
}

int SipDomains::on_notify(sip::UsageId id, const sip::NotifyInfo& info) {
    const auto found = pair_of_usage_.find(id.value);
    const auto contact = found == pair_of_usage_.end() ? contacts_.end() : contacts_.find(found->second);
    if (contact == contacts_.end() || contact->second.usage != id) return 200;
    const auto pair = found->second;
    auto& state = contact->second;
    const auto& profile = profile_of(pair.second);
    state.heard = executor_.clock().now();
    if (!info.body.text.empty()) {
        const auto type = sip::parse_content_type(info.body.type);
        // COMPAT(OCS): it may send another form though only one was offered; a refusal would end what works.
        if (!type || !type->is(pidf_type)) return profile.drafts_quirks && state.last ? 200 : 415;
    }
    if (info.state.value != sip::SubscriptionState::Value::active) return 200;
    state.stale = false;
    state.active = state.known = true;
    const bool first = std::exchange(state.owes_answer, false);
    // A document that cannot be read, or none, is no reason to end the subscription; the last good state stays.
    if (const auto pidf = sip::decode_pidf(info.body.text)) {
        auto presence = read_presence(*pidf, profile);
        const bool same = state.last && *state.last == presence;
        if (!same) core_.set_note(id, encode(presence));
        state.last = std::move(presence);
        if (!same && !first) show(pair, *state.last, pair.first);
    }
    if (first) say_subscribed(pair);
    return 200;
}

void SipDomains::on_subscription_end(sip::UsageId id, const sip::SubscriptionEnd& end) {
    using Next = sip::SubscriptionEnd::Next;
    release(id);
    const bool was_canary = std::exchange(was_canary_, {}) == id;
    const auto found = pair_of_usage_.extract(id.value);
    if (found.empty()) return;
    const auto pair = found.mapped();
    const auto contact = contacts_.find(pair);
    if (contact == contacts_.end() || contact->second.usage != id) return;
    log_end(pair, end);
    if (trace_.on()) trace_.watch_step(pair, "watch-ended", {{"why", why_ended(end)}});
    auto& state = contact->second;
    state.usage = {};
    state.active = false;
    if (executor_.clock().now() - state.begun >= lived) state.back_off = Seconds{0};
    if (end.next == Next::now && end.status == 481 && !was_canary)
        wire_.suspect(pair.second.domain(), Recovery::Sign::unknown_dialog);
    // At once, but not for ever at once. What is shown stays until the partner has said something else.
    const bool again = end.next == Next::now || (end.next == Next::allowed && state.known);
    if (again && state.back_off == Seconds{0}) {
        state.back_off = first_retry_of_known;
        return queue(pair, state);
    }
    // What never changes is as it was last (RFC 6665 4.1.3); it is asked for now and then all the same.
    if (end.reason == "invariant") return retry_later(pair, longest_retry);
    if (state.last && state.last->availability != im::Availability::offline) emit(pair, "unavailable");
    state.last.reset();
    if (is_refusal(end, profile_of(pair.second), state.known)) {
        contacts_.erase(contact);
        return emit(pair, "unsubscribed");
    }
    state.unreachable = end.local;
    state.back_off = std::clamp(state.back_off * 2, state.known ? first_retry_of_known : first_retry, longest_retry);
    retry_later(pair, std::max(state.back_off, end.retry_after.value_or(Seconds{0})));
}

// ---- the partner was away

void SipDomains::on_link_up(const std::string& domain) {
    core_.on_reachable(domain);
    for (auto& [pair, contact] : contacts_) {
        if (pair.second.domain() != domain || contact.usage || !std::exchange(contact.unreachable, false)) continue;
        queue(pair, contact);
    }
    arm();
}

void SipDomains::retry(const std::string& domain) {
    core_.on_reachable(domain);
    for (auto& [pair, contact] : contacts_) {
        if (pair.second.domain() != domain || contact.usage || !contact.retry.pending()) continue;
        contact.retry = {};
        contact.back_off = Seconds{0};
        contact.unreachable = false;
        queue(pair, contact);
    }
    conversations_.retry(domain);
    arm();
}

void SipDomains::ask_canary(const std::string& domain, SteadyTime since) {
    for (auto& [pair, contact] : contacts_) {
        if (pair.second.domain() != domain) continue;
        if (contact.doubtful(since)) {
            canaries_[domain] = contact.usage;
            core_.refresh(contact.usage);
            return arm();
        }
        if (!contact.usage && contact.unreachable) {
            queue(pair, contact);
            return wire_.canary_answered(domain, Recovery::Canary::unreachable);
        }
    }
    wire_.canary_answered(domain, Recovery::Canary::none);
}

void SipDomains::on_forgotten(const std::string& domain, SteadyTime since) {
    for (auto& [pair, contact] : contacts_) {
        if (pair.second.domain() != domain || !contact.doubtful(since)) continue;
        const auto usage = std::exchange(contact.usage, {});
        release(usage);
        pair_of_usage_.erase(usage.value);
        core_.abandon(usage);
        queue(pair, contact);
    }
    arm();
}

// One stanza for every kind of client: the native form, and the text that a client which does not know it shows
// instead, marked, so that a native one is not given it (server/native_clients.hpp).
void SipDomains::show(const Pair& pair, const ContactPresence& presence, const xmpp::Jid& to) {
    const auto& profile = profile_of(pair.second);
    auto stanza = presence_for(ClientKind::native, presence, profile);
    if (stanza.text_of("status").empty()) {
        const auto plain = presence_for(ClientKind::third_party, presence, profile);
        if (const auto text = plain.text_of("status"); !text.empty()) {
            stanza.add(xml::Element(xmpp::ns::client, "status")).add_text(text);
            stanza.add(xml::Element(xmpp::ns::native_presence, "added-status"));
        }
    }
    if (stanza.type.empty()) add_name(stanza, pair.second, presence.display_name);
    stanza.from = pair.second;
    stanza.to = to;
    router_.send(im::envelope(std::move(stanza)));
}

}  // namespace parley::gateway
