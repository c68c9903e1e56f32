#pragma once

#include "storage/history_store.hpp"
#include "storage/sqlite/database.hpp"

namespace parley::storage::sqlite {

class SqliteHistoryStore final : public HistoryStore {
public:
    SqliteHistoryStore(Database& database, Executor& executor) : database_(database), executor_(executor) {}
    void load(Done<All> done) override;
    void apply(im::PartnerHistory::Change change, Done<> done) override;
    void load_refusals(Done<std::vector<im::Refusal>> done) override;
    void apply(im::Refusals::Change change, Done<> done) override;

private:
    Database& database_;
    Executor& executor_;
};

}  // namespace parley::storage::sqlite
