#pragma once

#include "storage/account_store.hpp"

namespace parley::storage {

// XEP-0054: one vcard-temp element a user, as XML.
class VcardStore {  // every engine passes tests/contract/vcard_store_contract.hpp
public:
    virtual ~VcardStore() = default;
    virtual void load(xmpp::Jid user, Done<std::string> done) = 0;  // empty when there is none
    virtual void put(xmpp::Jid user, std::string vcard, Done<> done) = 0;
};

}  // namespace parley::storage
