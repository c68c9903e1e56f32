#pragma once

#include "base/error.hpp"
#include "im/envelope.hpp"

namespace parley::im {

// What a message to a local user would meet now.
enum class Reception {
    nobody,   // there is no such user
    open,     // delivered, or kept until the user is back
    full,     // as much is kept for the user as may be
    unheard,  // answered as by `open`, and dropped: the user has blocked the sender
};

// Where a stanza goes by its address: a local user's slot, a foreign domain, or this server itself. One a shard; calls
// and `settled` are on that shard's thread.
class Router {
public:
    virtual ~Router() = default;
    // For messages and subscription requests. `settled` comes once; on a refusal nobody but the caller has been told.
    virtual void route(Envelope envelope, Settled settled) = 0;
    // For presence and IQ, which nobody acknowledges. A request that cannot be delivered is answered with its error.
    virtual void send(Envelope envelope) = 0;
    virtual bool is_local(std::string_view domain) const = 0;
    // Is this user, who lives on this shard, available now? What such a user waits for comes first.
    virtual bool available(const xmpp::Jid& user) const = 0;
    // Can one of this user's clients show XHTML-IM (XEP-0071)?
    virtual bool shows_xhtml(const xmpp::Jid& user) const = 0;
    // Of a user who lives on this shard; from the store if need be. An error: the store could not be read.
    virtual void reception(const xmpp::Jid& user, const xmpp::Jid& sender, Function<void(Result<Reception>)> then) = 0;
};

// The way to foreign domains over one protocol: the XMPP streams or the SIP gateway. One a shard, called on that
// shard's thread for stanzas of the users who live there. It answers like the domain itself would: what it sends back
// enters by Router.
class RemoteDomains {
public:
    virtual ~RemoteDomains() = default;
    // As Router::route and send. A message that is `durable` is in the outbox already (outbox_id): `delivered` then
    // only tells when its row may go: nullopt when the next hop has taken it, an error when its sender must be told.
    virtual void deliver(Envelope envelope, Settled delivered) = 0;
};

}  // namespace parley::im
