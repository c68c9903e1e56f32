#pragma once

#include <cstdint>

#include "storage/account_store.hpp"

namespace parley::storage {

// A SIP dialog or subscription as its owner encoded it (sip/dialog.hpp): re-created after a restart, so that the
// partner sees the same dialog go on.
struct DialogRow {
    std::uint16_t slot = 0;
    std::string key;  // Call-ID and local tag
    std::string record;
    bool operator==(const DialogRow&) const = default;
};

class DialogStore {  // every engine passes tests/contract/dialog_store_contract.hpp
public:
    virtual ~DialogStore() = default;
    virtual void put(DialogRow row, Done<> done) = 0;  // inserts or replaces (slot, key); no `done`: it may wait
    virtual void remove(std::uint16_t slot, std::string key, Done<> done) = 0;  // no `done`: it may wait
    virtual void load(std::uint16_t first_slot, std::uint16_t last_slot, Done<std::vector<DialogRow>> done) = 0;
};

}  // namespace parley::storage
