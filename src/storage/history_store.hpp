#pragma once

#include <map>
#include <string>
#include <vector>

#include "im/partner_history.hpp"
#include "im/refusals.hpp"
#include "storage/account_store.hpp"

namespace parley::storage {

// What happened with partners, for people. The running node has it in memory (im/partner_history.hpp, im/refusals.hpp)
// and hands over what has changed now and then; what was noted since is lost with a crash, and nothing depends on it.
class HistoryStore {  // every engine passes tests/contract/history_store_contract.hpp
public:
    virtual ~HistoryStore() = default;
    // By domain, each in the order of its numbers.
    using All = std::map<std::string, std::vector<im::PartnerEvent>>;
    virtual void load(Done<All> done) = 0;
    // Events with a number that is there replace it. Written when something else is, or a little later.
    virtual void apply(im::PartnerHistory::Change change, Done<> done) = 0;

    virtual void load_refusals(Done<std::vector<im::Refusal>> done) = 0;
    // One whose reference is there replaces it.
    virtual void apply(im::Refusals::Change change, Done<> done) = 0;
};

}  // namespace parley::storage
