#pragma once

#include <cstdint>

#include "base/clock.hpp"
#include "storage/account_store.hpp"

namespace parley::storage {

// A stanza that was accepted from a local user and waits for a foreign domain: over XMPP or SIP. It stays until the
// next hop has taken it or its sender has got an error back.
struct OutboundStanza {
    std::int64_t id = 0;
    xmpp::Jid from, to;
    TimePoint received{};
    std::string origin;  // unique; the same stanza handed over again is stored once
    std::string stanza;  // XML, namespace jabber:client
    bool operator==(const OutboundStanza&) const = default;
};

class OutboxStore {  // every engine passes tests/contract/outbox_store_contract.hpp
public:
    virtual ~OutboxStore() = default;
    struct Appended {
        std::int64_t id = 0;
        bool duplicate = false;
    };
    virtual void append(OutboundStanza stanza, Done<Appended> done) = 0;
    virtual void load_all(Done<std::vector<OutboundStanza>> done) = 0;  // at start; oldest first
    virtual void remove(std::vector<std::int64_t> ids, Done<> done) = 0;
};

}  // namespace parley::storage
