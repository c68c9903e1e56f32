#pragma once

#include "xmpp/payload/forwarded.hpp"

namespace parley::xmpp {

// XEP-0280: which side of the conversation the copy shows.
enum class CarbonDirection { received, sent };

// The copy of `message` for the full JID `to`, from that user's own bare JID (6, 7 of the XEP demand that).
Stanza carbon_copy(CarbonDirection direction, const Stanza& message, const Jid& to);

struct Carbon {
    CarbonDirection direction = CarbonDirection::received;
    Stanza message;
    bool operator==(const Carbon&) const = default;
};
// Reads a copy that `owner` got. A copy that does not come from the owner's own bare JID is forged: forbidden.
// not_found: no copy.
Result<Carbon> read_carbon(const Stanza& wrapper, const Jid& owner);

}  // namespace parley::xmpp
