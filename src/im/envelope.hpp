#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/function.hpp"
#include "xmpp/jid.hpp"
#include "xmpp/stanza.hpp"

namespace parley::im {

// A stanza on its way to one address. The stanza is shared and never changed on the way, so that a presence for a
// hundred contacts is one value; `to` is the address that counts.
struct Envelope {
    std::shared_ptr<const xmpp::Stanza> stanza;
    xmpp::Jid to;
    // Names this hand-over: the same origin handed over again is the same message (at-least-once hand-over,
    // exactly-once effect). Empty for what may be lost: presence, IQ.
    std::string origin;
    // Somebody waits for an acknowledgement that means "on disk" (a stream-managed stream, a SIP MESSAGE).
    bool durable = false;
    // Its sender keeps it until it is settled, and if it has to send it again, it does so under the same origin, which
    // names no other message ever: a partner that names its messages (docs/federation-names.md).
    bool kept_by_sender = false;
    // Our name for the message in the account of `to` (XEP-0359): the same at every delivery, so that a client can tell
    // a repetition. Written behind the children; empty until the message is kept for somebody.
    std::string stanza_id;
    // The user whom it is for has blocked the sender, who must not see it: it goes as to somebody offline, and is
    // dropped.
    bool unheard = false;
    // Set by the outbox when the stanza is stored there already: the row to remove once the next hop has taken it.
    std::int64_t outbox_id = 0;
};

inline Envelope envelope(xmpp::Stanza stanza) {
    Envelope e;
    e.to = stanza.to;
    e.stanza = std::make_shared<const xmpp::Stanza>(std::move(stanza));
    return e;
}

// What came of a hand-over: accepted (and on disk, where that was asked), or refused with the error that its sender is
// to get.
using Outcome = std::optional<xmpp::StanzaError>;
inline constexpr std::nullopt_t accepted = std::nullopt;
using Settled = Function<void(Outcome)>;

}  // namespace parley::im
