#pragma once

#include "storage/sqlite/database.hpp"
#include "storage/vcard_store.hpp"

namespace parley::storage::sqlite {

class SqliteVcardStore final : public VcardStore {
public:
    SqliteVcardStore(Database& database, Executor& executor) : database_(database), executor_(executor) {}
    void load(xmpp::Jid user, Done<std::string> done) override;
    void put(xmpp::Jid user, std::string vcard, Done<> done) override;

private:
    Database& database_;
    Executor& executor_;
};

}  // namespace parley::storage::sqlite
