#pragma once

#include "im/federation_policy.hpp"
#include "storage/account_store.hpp"

namespace parley::storage {

class PolicyStore {  // every engine passes tests/contract/policy_store_contract.hpp
public:
    virtual ~PolicyStore() = default;
    virtual void load(Done<im::FederationPolicy> done) = 0;
    virtual void put(im::DomainRule rule, Done<> done) = 0;
    virtual void remove(std::string domain, Done<> done) = 0;  // not_found
    virtual void set_default(bool xmpp_allowed, Done<> done) = 0;
};

}  // namespace parley::storage
