#include "xmpp/stanza_error.hpp"

#include <algorithm>
#include <array>

namespace parley::xmpp {
namespace {

using Type = StanzaError::Type;

struct Row {
    std::string_view condition;
    Type type;
};

// RFC 6120 8.3.3, in its order.
constexpr std::array conditions{
    Row{"bad-request", Type::modify},
    Row{"conflict", Type::cancel},
    Row{"feature-not-implemented", Type::cancel},
    Row{"forbidden", Type::auth},
    Row{"gone", Type::cancel},
    Row{"internal-server-error", Type::cancel},
    Row{"item-not-found", Type::cancel},
    Row{"jid-malformed", Type::modify},
    Row{"not-acceptable", Type::modify},
    Row{"not-allowed", Type::cancel},
    Row{"not-authorized", Type::auth},
    Row{"policy-violation", Type::modify},
    Row{"recipient-unavailable", Type::wait},
    Row{"redirect", Type::modify},
    Row{"registration-required", Type::auth},
    Row{"remote-server-not-found", Type::cancel},
    Row{"remote-server-timeout", Type::wait},
    Row{"resource-constraint", Type::wait},
    Row{"service-unavailable", Type::cancel},
    Row{"subscription-required", Type::auth},
    Row{"undefined-condition", Type::cancel},
    Row{"unexpected-request", Type::wait},
};

}  // namespace

std::string_view to_string(StanzaError::Type type) {
    switch (type) {
        case Type::auth: return "auth";
        case Type::cancel: return "cancel";
        case Type::continue_: return "continue";
        case Type::modify: return "modify";
        case Type::wait: return "wait";
    }
    return "cancel";
}

StanzaError stanza_error(std::string_view condition, std::string_view text) {
    const auto row =
        std::find_if(conditions.begin(), conditions.end(), [&](const Row& r) { return r.condition == condition; });
    return {row == conditions.end() ? Type::cancel : row->type, std::string(condition), std::string(text)};
}

StanzaError to_stanza_error(Errc code) {
    switch (code) {  // no default: whoever adds an Errc is asked by the compiler to place it here
        case Errc::malformed: return stanza_error("bad-request");
        case Errc::too_long: return stanza_error("policy-violation");
        case Errc::not_found: return stanza_error("item-not-found");
        case Errc::conflict: return stanza_error("conflict");
        case Errc::forbidden: return stanza_error("forbidden");
        case Errc::timed_out: return stanza_error("remote-server-timeout");
        case Errc::closed: return stanza_error("service-unavailable");
        case Errc::storage: break;
    }
    return stanza_error("internal-server-error");
}

}  // namespace parley::xmpp
