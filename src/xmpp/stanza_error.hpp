#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"

namespace parley::xmpp {

// RFC 6120 8.3.2.
struct StanzaError {
    enum class Type { auth, cancel, continue_, modify, wait };
    Type type = Type::cancel;
    std::string condition = "service-unavailable";  // 8.3.3: the wire's own word
    std::string text;                               // for people; may be empty
    bool operator==(const StanzaError&) const = default;
};

std::string_view to_string(StanzaError::Type type);
StanzaError to_stanza_error(Errc code);
// With the type that RFC 6120 8.3.3 gives for the condition.
StanzaError stanza_error(std::string_view condition, std::string_view text = {});

}  // namespace parley::xmpp
