#pragma once

#include <memory>

#include "base/executor.hpp"
#include "storage/account_store.hpp"
#include "storage/dialog_store.hpp"
#include "storage/history_store.hpp"
#include "storage/outbox_store.hpp"
#include "storage/policy_store.hpp"
#include "storage/room_store.hpp"
#include "storage/roster_store.hpp"
#include "storage/spool_store.hpp"
#include "storage/user_policy_store.hpp"
#include "storage/vcard_store.hpp"

namespace parley::storage {

// All stores of one shard: every `done` runs on the executor they were made for.
class Stores {
public:
    virtual ~Stores() = default;
    virtual AccountStore& accounts() = 0;
    virtual RosterStore& rosters() = 0;
    virtual SpoolStore& spool() = 0;
    virtual OutboxStore& outbox() = 0;
    virtual DialogStore& dialogs() = 0;
    virtual VcardStore& vcards() = 0;
    virtual PolicyStore& policy() = 0;
    virtual UserPolicyStore& user_policies() = 0;
    virtual RoomStore& rooms() = 0;
    virtual HistoryStore& history() = 0;
};

// One engine, opened once a process.
class Engine {
public:
    virtual ~Engine() = default;
    virtual std::unique_ptr<Stores> stores_for(Executor& executor) = 0;
    // A secret of this node, made at first use and kept: dialback key, cluster id.
    virtual std::string secret(std::string_view name) = 0;
    // Small integers the same way: allocates [result, result + count) and remembers it durably.
};

}  // namespace parley::storage
