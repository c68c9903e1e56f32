#pragma once

#include "storage/roster_store.hpp"
#include "storage/sqlite/database.hpp"

namespace parley::storage::sqlite {

class SqliteRosterStore final : public RosterStore {
public:
    SqliteRosterStore(Database& database, Executor& executor) : database_(database), executor_(executor) {}
    void load(xmpp::Jid user, Done<im::Roster> done) override;
    void apply(xmpp::Jid user, RosterChange change, Done<> done) override;

private:
    Database& database_;
    Executor& executor_;
};

}  // namespace parley::storage::sqlite
