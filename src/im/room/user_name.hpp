#pragma once

#include <string_view>

namespace parley::im {

// What the name of a room begins with where it stands for a user: SIP partners know no rooms
// (docs/adr/0013-a-room-is-a-user-to-sip.md). No user may have such a name.
inline constexpr std::string_view room_user_prefix = "room+";

}  // namespace parley::im
