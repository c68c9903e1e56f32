#pragma once

#include "im/envelope.hpp"
#include "im/subscription.hpp"
#include "xmpp/stanza.hpp"

namespace parley::server {

class Session;
class Shard;
class User;

// RFC 6121 3 and 4, for what a user's own client sends. `settled` once all that must last is on disk.
void receive_own_presence(Shard& shard, Session& session, xmpp::Stanza stanza, im::Settled settled);

// The resource has gone, cleanly or not (4.5): all who knew it hear so.
void session_unavailable(Shard& shard, User& user, Session& session);

// The user has shut the contact out, or let it in: what each available resource last said, or that it is gone
// (3.1.5, 3.2.2).
void show_presence(Shard& shard, User& user, const xmpp::Jid& contact, bool available);

// What a decision about a contact's request causes, once it is stored: the user's clients get `request` (nullptr: there
// is none) and the new roster item, the contact its answer and the presence that it may see.
void conclude(Shard& shard, User& user, const xmpp::Jid& contact, const im::SubscriptionOutcome& outcome,
              std::shared_ptr<const xmpp::Stanza> request);
// The request of a roster item, as it came; nullptr: there is none.
std::shared_ptr<const xmpp::Stanza> request_of(const im::RosterItem& item);

xmpp::Stanza presence_stanza(const xmpp::Jid& from, const xmpp::Jid& to, std::string_view type);

// RFC 6121 2.1.6: the item as it now is, to every interested resource. An item that is no longer shown goes as
// 'remove'.
void push_roster_item(User& user, const xmpp::Jid& contact);

}  // namespace parley::server
