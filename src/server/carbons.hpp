#pragma once

#include <string>
#include <vector>

#include "im/envelope.hpp"

namespace parley::server {

class Session;
class User;

// XEP-0280. Copies of what one of the user's clients sent, for the others that asked for it.
void send_sent_carbons(Session& sender, const xmpp::Stanza& message);
// Copies of what was delivered to one of them, for the resources `to`.
void send_received_carbons(User& user, const im::Envelope& message, const std::vector<std::string>& to);

}  // namespace parley::server
