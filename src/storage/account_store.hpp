#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/function.hpp"
#include "xmpp/jid.hpp"
#include "xmpp/sasl/scram_keys.hpp"

namespace parley::storage {

// What every store has in common: calls come on a shard's thread, `done` runs later on the same executor the store was
// made for; a write is durable (fsynced) when `done` gets no error; Errc::storage means that nothing of it is there.
template <class T = void>
using Done = Function<void(Result<T>)>;

struct Account {
    xmpp::Jid jid;  // bare
    xmpp::ScramKeys sha1;
    xmpp::ScramKeys sha256;
    bool disabled = false;
    bool operator==(const Account&) const = default;
};

class AccountStore {  // every engine passes tests/contract/account_store_contract.hpp
public:
    virtual ~AccountStore() = default;
    virtual void load(xmpp::Jid user, Done<Account> done) = 0;  // not_found
    virtual void create(Account account, Done<> done) = 0;      // conflict when it exists
    virtual void create_many(std::vector<Account> accounts,
                             Done<std::size_t> done) = 0;  // one commit; existing ones are replaced; gives their count
    virtual void replace_keys(Account account, Done<> done) = 0;  // not_found
    virtual void remove(xmpp::Jid user, Done<> done) = 0;         // with roster, spool, vCard; not_found
    virtual void list(std::string domain, Done<std::vector<xmpp::Jid>> done) = 0;  // sorted; empty domain: all
};

}  // namespace parley::storage
