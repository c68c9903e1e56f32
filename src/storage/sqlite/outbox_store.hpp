#pragma once

#include "storage/outbox_store.hpp"
#include "storage/sqlite/database.hpp"

namespace parley::storage::sqlite {

// As the spool: removals are lazy, and an origin is remembered for a while after its stanza was removed.
class SqliteOutboxStore final : public OutboxStore {
public:
    SqliteOutboxStore(Database& database, Executor& executor) : database_(database), executor_(executor) {}
    void append(OutboundStanza stanza, Done<Appended> done) override;
    void load_all(Done<std::vector<OutboundStanza>> done) override;
    void remove(std::vector<std::int64_t> ids, Done<> done) override;

private:
    Database& database_;
    Executor& executor_;
};

}  // namespace parley::storage::sqlite
