#include "sip/method.hpp"

#include <array>

namespace parley::sip {
namespace {

constexpr std::array<std::string_view, 16> names{"",         "INVITE",  "ACK",       "BYE",    "CANCEL",   "OPTIONS",
                                                 "REGISTER", "MESSAGE", "SUBSCRIBE", "NOTIFY", "BENOTIFY", "INFO",
                                                 "REFER",    "UPDATE",  "PRACK",     "PUBLISH"};

}  // namespace

Method method_from(std::string_view text) {
    for (std::size_t i = 1; i < names.size(); ++i)
        if (names[i] == text) return static_cast<Method>(i);
    return Method::other;
}

std::string_view to_string(Method method) {
    return names[static_cast<std::size_t>(method)];
}

}  // namespace parley::sip
