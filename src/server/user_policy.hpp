#pragma once

#include <optional>

#include "im/pair_facts.hpp"
#include "im/subscription.hpp"
#include "xmpp/stanza.hpp"

namespace parley::server {

class Session;
class Shard;
class User;

// The decision of requirements D4 in a client's answer to a request, if it changes the user's list: that of a native
// client does, that of another only where the administrator lets it count. `before` is the user's item for the contact.
std::optional<im::PolicyChange> decision_in(const Session& session, const xmpp::Stanza& answer,
                                            im::SubscriptionType type, const im::RosterItem* before);

void note_event(Shard& shard, const xmpp::Jid& user, const xmpp::Jid& contact, im::PairEvent::What what);

// A blocked sender has written; the counter, the audit log and `explain` are all that shows it.
void note_unheard(Shard& shard, const User& user, const xmpp::Stanza& stanza);

// An error for the user's own client, which writes to somebody whom the user has blocked (XEP-0191 3.3).
xmpp::Stanza blocked_error(const xmpp::Stanza& stanza);

}  // namespace parley::server
