// The SQLite engine against the contracts of all stores, with threads of its own and without.
#include <stdexcept>

#include "storage/sqlite/engine.hpp"
#include "tests/contract/account_store_contract.hpp"
#include "tests/contract/dialog_store_contract.hpp"
#include "tests/contract/engine_contract.hpp"
#include "tests/contract/history_store_contract.hpp"
#include "tests/contract/outbox_store_contract.hpp"
#include "tests/contract/policy_store_contract.hpp"
#include "tests/contract/room_store_contract.hpp"
#include "tests/contract/roster_store_contract.hpp"
#include "tests/contract/spool_store_contract.hpp"
#include "tests/contract/user_policy_store_contract.hpp"
#include "tests/contract/vcard_store_contract.hpp"

namespace parley::test {
namespace {

EngineKind kind(std::string name, storage::sqlite::Options options) {
    return {std::move(name), [options](const std::string& folder) -> std::unique_ptr<storage::Engine> {
                auto engine = storage::sqlite::Engine::open(folder, options);
                if (!engine) throw std::runtime_error(engine.error().detail);
                return *std::move(engine);
            }};
}
const auto kinds = ::testing::Values(kind("Threads", {}),
                                     kind("SmallBatches", {.readers = 1, .batch_items = 3, .lazy_delay = Millis{1}}),
                                     kind("Inline", {.threads = storage::sqlite::Options::Threads::inline_}));
std::string name_of(const ::testing::TestParamInfo<EngineKind>& info) {
    return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Sqlite, AccountStoreContract, kinds, name_of);
INSTANTIATE_TEST_SUITE_P(Sqlite, RosterStoreContract, kinds, name_of);
INSTANTIATE_TEST_SUITE_P(Sqlite, SpoolStoreContract, kinds, name_of);
INSTANTIATE_TEST_SUITE_P(Sqlite, OutboxStoreContract, kinds, name_of);
INSTANTIATE_TEST_SUITE_P(Sqlite, DialogStoreContract, kinds, name_of);
INSTANTIATE_TEST_SUITE_P(Sqlite, VcardStoreContract, kinds, name_of);
INSTANTIATE_TEST_SUITE_P(Sqlite, PolicyStoreContract, kinds, name_of);
INSTANTIATE_TEST_SUITE_P(Sqlite, UserPolicyStoreContract, kinds, name_of);
INSTANTIATE_TEST_SUITE_P(Sqlite, RoomStoreContract, kinds, name_of);
INSTANTIATE_TEST_SUITE_P(Sqlite, HistoryStoreContract, kinds, name_of);
INSTANTIATE_TEST_SUITE_P(Sqlite, EngineContract, kinds, name_of);

}  // namespace
}  // namespace parley::test
