#pragma once

#include "storage/spool_store.hpp"
#include "storage/sqlite/database.hpp"

namespace parley::storage::sqlite {

// A removal is committed with the next append or after Options::lazy_delay: a crash in between only brings the message
// back with the same id. An origin is remembered for RecentOrigins::kept after its message was removed. A message with
// an empty origin is never a duplicate.
class SqliteSpoolStore final : public SpoolStore {
public:
    SqliteSpoolStore(Database& database, Executor& executor) : database_(database), executor_(executor) {}
    void append(SpooledMessage message, Done<Appended> done) override;
    void load(xmpp::Jid user, std::int64_t after, std::size_t limit, Done<std::vector<SpooledMessage>> done) override;
    void remove(xmpp::Jid user, std::vector<std::int64_t> ids, Done<> done) override;
    void usage(xmpp::Jid user, Done<SpoolUsage> done) override;

private:
    Database& database_;
    Executor& executor_;
};

}  // namespace parley::storage::sqlite
