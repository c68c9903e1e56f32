#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace parley::sip {

// "Somebody is typing", in the two forms that peers use. Which one a peer takes is its profile's to say: Microsoft's
// clients send and take KeyboardActivity in INFO, SIMPLE peers im-iscomposing (RFC 3994) in MESSAGE.
enum class Typing { active, idle };

inline constexpr std::string_view keyboard_activity_type = "application/xml";
inline constexpr std::string_view is_composing_type = "application/im-iscomposing+xml";

struct IsComposing {
    Typing state = Typing::idle;
    // RFC 3994 3.3: after this time without another one the receiver falls idle; 120 s if the peer gave none, and never
    // less than 60 s.
    Seconds refresh{120};
    std::string content_type;  // of what is being written; "" if not said
    bool operator==(const IsComposing&) const = default;
};

std::string encode_keyboard_activity(Typing state);
Result<Typing> decode_keyboard_activity(std::string_view body);

std::string encode_is_composing(Typing state, Seconds refresh = Seconds{120});
Result<IsComposing> decode_is_composing(std::string_view body);

}  // namespace parley::sip
