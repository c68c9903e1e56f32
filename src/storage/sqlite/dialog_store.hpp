#pragma once

#include "storage/dialog_store.hpp"
#include "storage/sqlite/database.hpp"

namespace parley::storage::sqlite {

class SqliteDialogStore final : public DialogStore {
public:
    SqliteDialogStore(Database& database, Executor& executor) : database_(database), executor_(executor) {}
    void put(DialogRow row, Done<> done) override;
    void remove(std::uint16_t slot, std::string key, Done<> done) override;
    void load(std::uint16_t first_slot, std::uint16_t last_slot, Done<std::vector<DialogRow>> done) override;

private:
    Database& database_;
    Executor& executor_;
};

}  // namespace parley::storage::sqlite
