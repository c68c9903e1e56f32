#pragma once

#include "storage/policy_store.hpp"
#include "storage/sqlite/database.hpp"

namespace parley::storage::sqlite {

class SqlitePolicyStore final : public PolicyStore {
public:
    SqlitePolicyStore(Database& database, Executor& executor) : database_(database), executor_(executor) {}
    void load(Done<im::FederationPolicy> done) override;
    void put(im::DomainRule rule, Done<> done) override;
    void remove(std::string domain, Done<> done) override;
    void set_default(bool xmpp_allowed, Done<> done) override;

private:
    Database& database_;
    Executor& executor_;
};

}  // namespace parley::storage::sqlite
