#pragma once

#include <cstdint>
#include <string_view>

namespace parley::sip {

// The methods that parley switches on. Any other is `other`; its text stays in the message. Names are case-sensitive
// (RFC 3261 7.1).
enum class Method : std::uint8_t {
    other,
    invite,
    ack,
    bye,
    cancel,
    options,
    registration,  // REGISTER, a word C++ keeps for itself
    message,       // RFC 3428
    subscribe,     // RFC 6665
    notify,
    benotify,  // a NOTIFY of Microsoft's that is never answered
    info,      // RFC 6086
    refer,
    update,
    prack,
    publish,
};

Method method_from(std::string_view text);
std::string_view to_string(Method method);  // "" for other

}  // namespace parley::sip
