#pragma once

#include "apps/parleyd/look/parts.hpp"

namespace parley::look {

// `parleyctl federation test`: everything that a message to that domain would meet, with the services' own rules:
// policy, the way, DNS with every target, TCP, TLS, identity, and an OPTIONS (SIP) or the whole negotiation of a stream
// (XMPP). Report::good is true only if the message would get through. Done within ten seconds.
void check_partner(Parts parts, std::string domain, std::string from, Reported done);

}  // namespace parley::look
