#pragma once

#include "storage/account_store.hpp"
#include "storage/sqlite/database.hpp"

namespace parley::storage::sqlite {

class SqliteAccountStore final : public AccountStore {
public:
    SqliteAccountStore(Database& database, Executor& executor) : database_(database), executor_(executor) {}
    void load(xmpp::Jid user, Done<Account> done) override;
    void create(Account account, Done<> done) override;
    void create_many(std::vector<Account> accounts, Done<std::size_t> done) override;
    void replace_keys(Account account, Done<> done) override;
    void remove(xmpp::Jid user, Done<> done) override;
    void list(std::string domain, Done<std::vector<xmpp::Jid>> done) override;

private:
    Database& database_;
    Executor& executor_;
};

}  // namespace parley::storage::sqlite
