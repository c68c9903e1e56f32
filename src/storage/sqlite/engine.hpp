#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "storage/sqlite/database.hpp"
#include "storage/sqlite/folder_lock.hpp"
#include "storage/stores.hpp"

namespace parley::storage::sqlite {

// The store of a single node: a folder with `parley.db`, its log beside it, and a lock that keeps a second process out.
// Destroy it after the Stores it made and before their executors: it then finishes what is queued.
class Engine final : public storage::Engine {
public:
    // Makes the folder (0700) and the database (0600) when they are not there, and brings an older schema up to date.
    // conflict: another process has the folder, the text says which. storage: the file is damaged, of a newer parley,
    // or not ours; the text is a sentence for the administrator.
    static Result<std::unique_ptr<Engine>> open(const std::string& folder, const Options& options = {});

    std::unique_ptr<Stores> stores_for(Executor& executor) override;
    // Waits for the disk when the secret is new. Throws std::runtime_error when it cannot be stored: a start-up cannot
    // go on with a secret that changes at the next start.
    std::string secret(std::string_view name) override;
    Database& database() { return *database_; }

private:
    Engine(FolderLock lock, std::unique_ptr<Database> database)
        : lock_(std::move(lock)), database_(std::move(database)) {}

    FolderLock lock_;
    std::unique_ptr<Database> database_;
    std::mutex secrets_mutex_;
    std::map<std::string, std::string, std::less<>> secrets_;
};

}  // namespace parley::storage::sqlite
