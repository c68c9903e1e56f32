#pragma once

#include <cstdint>

#include "base/clock.hpp"
#include "storage/account_store.hpp"

namespace parley::storage {

// A message that a local user has not confirmed yet: in flight to a resource, or waiting for one (offline, RFC
// 6121 8.5.2.2). One queue for both: if no acknowledgement comes, the row simply is the offline message.
struct SpooledMessage {
    std::int64_t id = 0;  // grows with time; given by the store
    xmpp::Jid user;       // bare JID of the recipient
    xmpp::Jid from;
    TimePoint received{};
    std::string origin;  // unique a user: the same message handed over again is stored once
    std::string stanza;  // XML, namespace jabber:client, already stamped with its stanza-id
    bool operator==(const SpooledMessage&) const = default;
};

struct SpoolUsage {
    std::size_t messages = 0;
    std::size_t bytes = 0;
};

class SpoolStore {  // every engine passes tests/contract/spool_store_contract.hpp
public:
    virtual ~SpoolStore() = default;
    struct Appended {
        std::int64_t id = 0;
        bool duplicate =
            false;  // `origin` was there already (then id is the old row's), or was removed a short while ago
    };
    // Group-committed with all that is waiting; FIFO for one caller.
    virtual void append(SpooledMessage message, Done<Appended> done) = 0;
    // Oldest first, ids above `after`, at most `limit`.
    virtual void load(xmpp::Jid user, std::int64_t after, std::size_t limit,
                      Done<std::vector<SpooledMessage>> done) = 0;
    virtual void remove(xmpp::Jid user, std::vector<std::int64_t> ids, Done<> done) = 0;  // unknown ids are no error
    virtual void usage(xmpp::Jid user, Done<SpoolUsage> done) = 0;
};

}  // namespace parley::storage
