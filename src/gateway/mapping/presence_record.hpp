#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateway/mapping/presence.hpp"

namespace parley::gateway {

// What was last known of a contact, as it is kept in the row of its subscription: so that our users see their contacts
// at once after our restart, and not when the partner has been asked about each of them.
std::string encode(const ContactPresence& contact);
std::optional<ContactPresence> decode_contact_presence(std::string_view record);  // nothing: of another version

}  // namespace parley::gateway
