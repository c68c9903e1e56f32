#pragma once

#include <string>
#include <variant>
#include <vector>

#include "xmpp/payload/disco.hpp"
#include "xmpp/stanza_error.hpp"

namespace parley::im {

// What this server says of itself (XEP-0030). Filled in once by whoever knows what is switched on.
struct ServerDisco {
    std::string name = "parley";
    std::vector<std::string> features;   // beside disco itself; in any order
    std::vector<xmpp::DiscoItem> items;  // services beside it, such as chat rooms
    std::string caps_node = "urn:parley:server";

    xmpp::DiscoInfo info() const;
    xmpp::Caps caps() const;  // for <stream:features/> (XEP-0115 6.3)
};

// The payload of the result, or the error. `query` is disco#info or disco#items, with or without a node.
using DiscoAnswer = std::variant<xml::Element, xmpp::StanzaError>;
DiscoAnswer answer_server_disco(const ServerDisco& server, const xml::Element& query);

// For a user's bare JID. `may_see`: the asker is the user, or has a subscription to the user's presence. To all others
// a user who exists looks like one who does not (XEP-0030 8: no account is given away): service-unavailable.
DiscoAnswer answer_account_disco(bool user_exists, bool may_see, const std::vector<std::string>& features,
                                 const xml::Element& query);

}  // namespace parley::im
