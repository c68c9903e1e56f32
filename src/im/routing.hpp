#pragma once

#include <optional>
#include <string>
#include <vector>

#include "im/resource.hpp"
#include "xmpp/stanza.hpp"

namespace parley::im {

// The state of a local user whom a stanza is addressed to. `resources` are all that are connected, also one that waits
// for its stream to be resumed (XEP-0198).
struct Recipient {
    bool exists = false;
    std::vector<ResourceState> resources;
};

// What RFC 6121 8.5 makes of one stanza. With nothing in it the stanza is ignored, and nobody is told.
struct RoutingDecision {
    std::vector<std::string> deliver;        // resources that get the stanza itself
    std::vector<std::string> copy;           // resources that get a carbon <received/> (XEP-0280)
    bool store = false;                      // keep it until a resource with a priority of 0 or more is available
    bool handle = false;                     // the server answers or decides on the account's behalf
    std::optional<xmpp::StanzaError> error;  // to be returned to the sender
    bool ignored() const { return deliver.empty() && copy.empty() && !store && !handle && !error; }
    bool operator==(const RoutingDecision&) const = default;
};

// `to` is a bare or full JID of that user (an Envelope's address counts, not the stanza's). Presence that is `handle`d:
// subscriptions (im/subscription.hpp) and probes (4.3). Errors are never answered with errors.
RoutingDecision route(const xmpp::Stanza& stanza, const xmpp::Jid& to, const Recipient& recipient);

// The resources that a stored message goes to, or that a bare JID stands for: available, with a priority of 0 or more.
std::vector<std::string> most_available(const std::vector<ResourceState>& resources);

}  // namespace parley::im
