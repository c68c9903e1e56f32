#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "im/resource.hpp"
#include "xmpp/stanza.hpp"

namespace parley::im {

// RFC 6121 5.2.2.
enum class MessageType { normal, chat, groupchat, headline, error };
MessageType message_type(const xmpp::Stanza& message);  // an unknown type is normal

// Is there something in it that a person would miss: text, a subject, an invitation, a receipt, or what the sender asks
// to store? XEP-0160 and XEP-0334: notifications of typing, groupchat, headline, error and <no-store/> are not kept.
bool is_stored_offline(const xmpp::Stanza& message);

// XEP-0280 6: may other resources have a copy? Never of groupchat, of what a room occupant wrote in private, of a copy,
// of <private/> and of <no-copy/> (XEP-0334).
bool is_carbon_copied(const xmpp::Stanza& message);

// The resources of the sender that get a copy of what `from` sends (XEP-0280 8), names in the order of `resources`.
// None for a message to oneself, whose copies are those of the receiving side.
std::vector<std::string> sent_copies(const xmpp::Stanza& message, const std::vector<ResourceState>& resources);

// Removes <private/> and <no-copy/>, which have done their work when the last server delivers the message (XEP-0280 9).
void remove_copy_hints(xmpp::Stanza& message);

}  // namespace parley::im
