#pragma once

#include "storage/sqlite/database.hpp"
#include "storage/user_policy_store.hpp"

namespace parley::storage::sqlite {

class SqliteUserPolicyStore final : public UserPolicyStore {
public:
    SqliteUserPolicyStore(Database& database, Executor& executor) : database_(database), executor_(executor) {}
    void load(xmpp::Jid user, Done<im::UserPolicy> done) override;
    void apply(xmpp::Jid user, im::PolicyChange change, Done<> done) override;

private:
    Database& database_;
    Executor& executor_;
};

}  // namespace parley::storage::sqlite
