#include "im/subscription.hpp"

#include <string>

namespace parley::im {
namespace {

using Deliver = SubscriptionOutcome::Deliver;

Subscription make(bool to, bool from) {
    if (to) return from ? Subscription::both : Subscription::to;
    return from ? Subscription::from : Subscription::none;
}

void set_to(RosterItem& item, bool to) {
    item.subscription = make(to, item.has_from());
}
void set_from(RosterItem& item, bool from) {
    item.subscription = make(item.has_to(), from);
}

void forget_request(RosterItem& item) {
    item.pending_in = false;
    item.request.clear();
}

// RFC 6121 2.1.2: what a client sees of an item. A pending inbound request is no part of it (A.1).
bool looks_the_same(const RosterItem& a, const RosterItem& b) {
    if (!a.shown() && !b.shown()) return true;
    return a.shown() == b.shown() && a.subscription == b.subscription && a.pending_out == b.pending_out &&
           a.pre_approved == b.pre_approved;
}

RosterItem copy_or_new(const RosterItem* before, const xmpp::Jid& contact) {
    if (before) return *before;
    RosterItem item;
    item.contact = contact.bare();
    return item;
}

// The contact may not see the user, and is not to know.
void refuse(RosterItem& item) {
    set_from(item, false);
    item.pending_in = false;
    item.refused = true;
}

void let_in(RosterItem& item) {
    set_from(item, true);
    forget_request(item);
    item.refused = false;
    item.listed = true;
}

// Fills in what follows from the change itself.
SubscriptionOutcome concluded(SubscriptionOutcome outcome, const RosterItem& before, RosterItem after) {
    outcome.push = !looks_the_same(before, after);
    outcome.send_unavailable = before.has_from() && !after.has_from();
    if (before != after) outcome.item = std::move(after);
    return outcome;
}

}  // namespace

std::string_view to_string(SubscriptionType type) {
    switch (type) {
        case SubscriptionType::subscribe: return "subscribe";
        case SubscriptionType::subscribed: return "subscribed";
        case SubscriptionType::unsubscribe: return "unsubscribe";
        case SubscriptionType::unsubscribed: return "unsubscribed";
    }
    return "subscribe";
}

std::optional<SubscriptionType> subscription_type(std::string_view presence_type) {
    for (const auto type : {SubscriptionType::subscribe, SubscriptionType::subscribed, SubscriptionType::unsubscribe,
                            SubscriptionType::unsubscribed})
        if (to_string(type) == presence_type) return type;
    return std::nullopt;
}

SubscriptionOutcome outbound(const RosterItem* item, const xmpp::Jid& contact, SubscriptionType type, Manner manner) {
    const RosterItem before = copy_or_new(item, contact);
    RosterItem after = before;
    SubscriptionOutcome outcome;
    switch (type) {
        case SubscriptionType::subscribe:  // A.2.1; 3.1.2: asking puts the contact into the roster
            outcome.route = true;
            after.listed = true;
            if (!before.has_to()) after.pending_out = true;
            break;
        case SubscriptionType::unsubscribe:  // A.2.2
            outcome.route = true;
            set_to(after, false);
            after.pending_out = false;
            break;
        case SubscriptionType::subscribed:  // A.2.3
            if (before.pending_in) {
                outcome.route = !before.refused;  // else it was told so long ago
                outcome.send_presence = true;
                let_in(after);
            } else if (before.refused) {
                outcome.send_presence = true;
                let_in(after);
            } else if (!before.has_from()) {  // 3.4.2: approved before it was asked
                after.pre_approved = after.listed = true;
            }
            break;
        case SubscriptionType::unsubscribed:  // A.2.4; it takes a pre-approval back too
            after.pre_approved = false;
            if (before.pending_in && manner != Manner::open) {
                if (!before.refused) outcome.reply = SubscriptionType::subscribed;
                refuse(after);
            } else if (before.has_from() && manner == Manner::silent) {
                refuse(after);
            } else {
                outcome.route = before.pending_in || before.has_from();
                set_from(after, false);
                if (!before.refused) forget_request(after);
            }
            break;
    }
    return concluded(std::move(outcome), before, std::move(after));
}

SubscriptionOutcome inbound(const RosterItem* item, const xmpp::Jid& contact, SubscriptionType type,
                            std::string_view request, Verdict verdict) {
    const RosterItem before = copy_or_new(item, contact);
    RosterItem after = before;
    SubscriptionOutcome outcome;
    switch (type) {
        case SubscriptionType::subscribe:  // A.3.1
            if (before.has_from() || (before.pre_approved && verdict != Verdict::block)) {
                set_from(after, true);  // 3.1.3, 3.4.2: answered without asking the user again
                outcome.reply = SubscriptionType::subscribed;
                outcome.send_presence = true;
            } else if (verdict == Verdict::allow) {
                let_in(after);
                outcome.reply = SubscriptionType::subscribed;
                outcome.send_presence = true;
            } else if (before.refused || verdict == Verdict::block) {
                if (!before.pending_in) refuse(after);  // one that is asked about anew stays so
                after.refused = true;
                after.request = request;
                outcome.reply = SubscriptionType::subscribed;
            } else if (!before.pending_in) {
                after.pending_in = true;
                after.request = request;
                outcome.deliver = Deliver::available;
            }
            break;
        case SubscriptionType::unsubscribe:  // A.3.2
            if (before.has_from() || before.pending_in) outcome.deliver = Deliver::interested;
            set_from(after, false);
            forget_request(after);
            after.refused = false;
            break;
        case SubscriptionType::subscribed:  // A.3.3: an approval that nobody asked for is dropped
            if (before.pending_out) {
                outcome.deliver = Deliver::interested;
                set_to(after, true);
                after.pending_out = false;
            }
            break;
        case SubscriptionType::unsubscribed:  // A.3.4
            if (before.has_to() || before.pending_out) outcome.deliver = Deliver::interested;
            set_to(after, false);
            after.pending_out = false;
            break;
    }
    if (verdict == Verdict::block) outcome.deliver = Deliver::no;
    return concluded(std::move(outcome), before, std::move(after));
}

SubscriptionOutcome decided_anew(const RosterItem& before, Verdict verdict) {
    RosterItem after = before;
    SubscriptionOutcome outcome;
    if (before.has_from() || !(before.pending_in || before.refused)) return outcome;
    switch (verdict) {
        case Verdict::allow:
            let_in(after);
            if (!before.refused) outcome.reply = SubscriptionType::subscribed;
            outcome.send_presence = true;
            break;
        case Verdict::block:
            if (!before.refused) outcome.reply = SubscriptionType::subscribed;
            refuse(after);
            break;
        case Verdict::ask:
            if (before.pending_in || before.request.empty()) break;
            after.pending_in = true;
            outcome.deliver = Deliver::available;
            break;
    }
    return concluded(std::move(outcome), before, std::move(after));
}

std::optional<Removal> removal(const RosterItem* before, Manner manner) {
    if (!before || !before->shown()) return std::nullopt;
    // A request in either direction is withdrawn or denied with it: nobody is left waiting for an answer that cannot
    // come.
    Removal removal;
    removal.item = *before;
    removal.unsubscribe = before->has_to() || before->pending_out;
    removal.send_unavailable = before->has_from();
    removal.left.contact = before->contact;
    const auto end = outbound(before, before->contact, SubscriptionType::unsubscribed, manner);
    removal.unsubscribed = end.route;
    removal.subscribed = end.reply.has_value();
    removal.left.refused = end.item ? end.item->refused : before->refused;
    if (removal.left.refused) removal.left.request = before->request;
    return removal;
}

}  // namespace parley::im
