#pragma once

#include <optional>
#include <string_view>

#include "im/roster.hpp"
#include "im/user_policy.hpp"

namespace parley::im {

// The four presence types of RFC 6121 3.
enum class SubscriptionType { subscribe, subscribed, unsubscribe, unsubscribed };
std::string_view to_string(SubscriptionType type);
std::optional<SubscriptionType> subscription_type(std::string_view presence_type);

// What one subscription stanza does on the side of one user. All of it happens, in this order: store `item`, then
// (outbound) `route` or (inbound) `deliver` and `reply`, then `push`, then the presence.
struct SubscriptionOutcome {
    enum class Deliver {
        no,
        available,   // to all available resources; kept in `item->request` until the user answers (3.1.3)
        interested,  // to all interested resources (3.1.6, 3.2.3, 3.3.3)
    };

    // The item as it is to be stored; nothing: it stays as it was. An item that is empty() is to be removed.
    std::optional<RosterItem> item;
    bool route = false;                     // outbound: to the contact, from the user's bare JID
    Deliver deliver = Deliver::no;          // inbound
    std::optional<SubscriptionType> reply;  // sent to the contact on the user's behalf
    bool push = false;                      // what the roster shows has changed
    bool send_presence = false;     // the contact has just been let in: send what each available resource last said
    bool send_unavailable = false;  // the contact has just been shut out: send unavailable from each available resource
    bool operator==(const SubscriptionOutcome&) const = default;
};

// How much a contact learns of a no.
enum class Manner {
    open,    // RFC 6121: all of it
    polite,  // a request that is denied is a yes that shows nobody; the end of a permission is told
    silent,  // the end of a permission is not told either: the contact sees the user offline from now on
};

// RFC 6121 appendix A.2 and 3.4: the user sends this to the contact. `before` is the user's item for the contact, or
// nullptr.
SubscriptionOutcome outbound(const RosterItem* before, const xmpp::Jid& contact, SubscriptionType type,
                             Manner manner = Manner::open);

// RFC 6121 appendix A.3: the contact sent this to the user, who exists. `request` is the stanza as XML, kept while it
// is pending. `verdict` answers a new request; block also means that the user hears nothing of the contact.
SubscriptionOutcome inbound(const RosterItem* before, const xmpp::Jid& contact, SubscriptionType type,
                            std::string_view request, Verdict verdict = Verdict::ask);

// The user's policy has changed, and this is what it now says of the contact, with whom something is undecided: a
// request waits, or was refused. A refusal that no entry of the policy demands any more is asked about again.
SubscriptionOutcome decided_anew(const RosterItem& before, Verdict verdict);

// RFC 6121 2.5.2: the user removes the contact from the roster.
struct Removal {
    RosterItem item;           // as it was; to be removed from the store, and pushed with subscription='remove'
    bool unsubscribe = false;  // to be sent to the contact, each from the user's bare JID
    bool unsubscribed = false;
    bool subscribed = false;  // the polite no to a request
    bool send_unavailable = false;
    RosterItem left;  // what is to be stored all the same; empty() usually
};
// Nothing when the roster does not show this contact: item-not-found (2.5.3).
std::optional<Removal> removal(const RosterItem* before, Manner manner = Manner::open);

}  // namespace parley::im
