#pragma once

#include "base/error.hpp"
#include "xmpp/stanza_error.hpp"

namespace parley::server {

// What a sender is told when the store could not be read or written: it is our trouble and it may pass, so the type is
// "wait" where RFC 6120 8.3.3.6 only suggests "cancel". A store that has too much to do says "resource-constraint".
inline xmpp::StanzaError storage_error(const Error& why) {
    using xmpp::StanzaError;
    const bool busy = why.detail.starts_with("busy");
    return {StanzaError::Type::wait, busy ? "resource-constraint" : "internal-server-error",
            busy ? "this server has too much to store at the moment; try again later"
                 : "this server cannot reach its store at the moment; try again later"};
}

}  // namespace parley::server
