#include "storage/sqlite/engine.hpp"

#include <future>
#include <stdexcept>

#include "base/random.hpp"
#include "storage/sqlite/account_store.hpp"
#include "storage/sqlite/dialog_store.hpp"
#include "storage/sqlite/history_store.hpp"
#include "storage/sqlite/outbox_store.hpp"
#include "storage/sqlite/policy_store.hpp"
#include "storage/sqlite/room_store.hpp"
#include "storage/sqlite/roster_store.hpp"
#include "storage/sqlite/schema.hpp"
#include "storage/sqlite/settings.hpp"
#include "storage/sqlite/spool_store.hpp"
#include "storage/sqlite/user_policy_store.hpp"
#include "storage/sqlite/vcard_store.hpp"

namespace parley::storage::sqlite {
namespace {

constexpr const char* file_name = "parley.db";
constexpr std::size_t secret_bytes = 32;

class SqliteStores final : public Stores {
public:
    SqliteStores(Database& database, Executor& executor)
        : accounts_(database, executor),
          rosters_(database, executor),
          spool_(database, executor),
          outbox_(database, executor),
          dialogs_(database, executor),
          vcards_(database, executor),
          policy_(database, executor),
          user_policies_(database, executor),
          rooms_(database, executor),
          history_(database, executor) {}
    AccountStore& accounts() override { return accounts_; }
    RosterStore& rosters() override { return rosters_; }
    SpoolStore& spool() override { return spool_; }
    OutboxStore& outbox() override { return outbox_; }
    DialogStore& dialogs() override { return dialogs_; }
    VcardStore& vcards() override { return vcards_; }
    PolicyStore& policy() override { return policy_; }
    UserPolicyStore& user_policies() override { return user_policies_; }
    RoomStore& rooms() override { return rooms_; }
    HistoryStore& history() override { return history_; }

private:
    SqliteAccountStore accounts_;
    SqliteRosterStore rosters_;
    SqliteSpoolStore spool_;
    SqliteOutboxStore outbox_;
    SqliteDialogStore dialogs_;
    SqliteVcardStore vcards_;
    SqlitePolicyStore policy_;
    SqliteUserPolicyStore user_policies_;
    SqliteRoomStore rooms_;
    SqliteHistoryStore history_;
};

// Carries out on the thread that posts: for calls that wait.
class DirectExecutor final : public Executor {
public:
    void post(Function<void()> work) override { work(); }
    Timer after(Millis, Function<void()>) override { return {}; }
    const Clock& clock() const override { return clock_; }
    bool in_this_thread() const override { return false; }

private:
    SystemClock clock_;
};

// Before anything else touches it: the first look at a file that may be damaged.
Result<void> check_and_migrate(const std::string& path, const Options& options) {
    auto connection = Connection::open(path, Connection::Mode::write, options.synchronous);
    if (!connection) return Error{Errc::storage, path + ": " + connection.error().detail};
    return migrate(**connection, path);
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::open(const std::string& folder, const Options& options) {
    if (auto made = make_private_file(folder, "lock"); !made) return made.error();
    auto lock = FolderLock::take(folder);
    if (!lock) return lock.error();
    if (auto made = make_private_file(folder, file_name); !made) return made.error();
    const std::string path = folder + "/" + file_name;
    if (auto ready = check_and_migrate(path, options); !ready) return ready.error();
    auto database = Database::open(path, options);
    if (!database) return Error{Errc::storage, path + ": " + database.error().detail};
    return std::unique_ptr<Engine>(new Engine(*std::move(lock), *std::move(database)));
}

std::unique_ptr<Stores> Engine::stores_for(Executor& executor) {
    return std::make_unique<SqliteStores>(*database_, executor);
}

std::string Engine::secret(std::string_view name) {
    const std::lock_guard lock(secrets_mutex_);
    if (const auto known = secrets_.find(name); known != secrets_.end()) return known->second;
    auto work = [setting = "secret." + std::string(name)](WriteState& state) {
        return setting_or_make(state.db, setting, [] { return SystemRandom().hex(secret_bytes); });
    };
    DirectExecutor executor;
    std::promise<Result<std::string>> promise;
    auto future = promise.get_future();
    database_->write<std::string>(executor, 0, Urgency::now, std::move(work),
                                  [&promise](Result<std::string> secret) { promise.set_value(std::move(secret)); });
    auto secret = future.get();
    if (!secret)
        throw std::runtime_error("cannot store the secret " + std::string(name) + ": " + secret.error().detail);
    return secrets_.emplace(name, *std::move(secret)).first->second;
}

}  // namespace parley::storage::sqlite
