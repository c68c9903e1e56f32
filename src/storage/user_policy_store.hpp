#pragma once

#include "im/user_policy.hpp"
#include "storage/account_store.hpp"

namespace parley::storage {

// What users have decided about people and domains. The client protocols and parleyctl are faces of this one store.
class UserPolicyStore {  // every engine passes tests/contract/user_policy_store_contract.hpp
public:
    virtual ~UserPolicyStore() = default;
    virtual void load(xmpp::Jid user, Done<im::UserPolicy> done) = 0;  // of a new user: no entries, ask
    // Stored whole or not at all. To remove what is not there is no error.
    virtual void apply(xmpp::Jid user, im::PolicyChange change, Done<> done) = 0;
};

}  // namespace parley::storage
