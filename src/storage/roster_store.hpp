#pragma once

#include "im/roster.hpp"
#include "storage/account_store.hpp"

namespace parley::storage {

// What one decision does to a user's roster: stored whole or not at all.
struct RosterChange {
    std::uint64_t version = 0;
    std::vector<im::RosterItem> put;
    std::vector<xmpp::Jid> remove;
};

class RosterStore {  // every engine passes tests/contract/roster_store_contract.hpp
public:
    virtual ~RosterStore() = default;
    virtual void load(xmpp::Jid user, Done<im::Roster> done) = 0;  // a new user has an empty roster
    virtual void apply(xmpp::Jid user, RosterChange change, Done<> done) = 0;
};

}  // namespace parley::storage
