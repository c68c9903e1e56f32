#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "im/envelope.hpp"
#include "im/trace.hpp"
#include "server/shard.hpp"

// The event points of `parleyctl trace` on the XMPP side. Each caller asks on() first: that is all that they cost while
// no trace runs.
namespace parley::server::trace {

using Facts = std::vector<im::TraceEvent::Fact>;
using Way = im::TraceEvent::Way;

inline bool on(const Shard& shard) {
    return shard.node().tracer.on();
}

// A stanza that has come or goes. `to` is the address that counts: its own may be another.
void stanza(const Shard& shard, Way way, const xmpp::Stanza& stanza, const xmpp::Jid& to, std::string_view origin,
            Facts facts = {});
// What we did with what the envelope holds: `what` is the NAME of a sentence trace.NAME, the facts fill its places.
void step(const Shard& shard, const im::Envelope& envelope, std::string_view what, Facts facts = {});
void step(const Shard& shard, const xmpp::Stanza& stanza, const xmpp::Jid& to, std::string_view origin,
          std::string_view what, Facts facts = {});
// Something between two domains: a connection, a refusal.
void link(const Shard& shard, const std::string& local, const std::string& remote, std::string_view what,
          Facts facts = {});
// What became of a subscription request between a user and a contact.
void subscription(const Shard& shard, const xmpp::Jid& user, const xmpp::Jid& contact, std::string_view what);

}  // namespace parley::server::trace
