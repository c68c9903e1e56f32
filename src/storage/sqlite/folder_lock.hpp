#pragma once

#include <string>

#include "base/error.hpp"

namespace parley::storage::sqlite {

// Holds a folder for this process: two servers on one store would each believe that a user's state is theirs. The
// kernel drops the lock with the process, however it ends.
class FolderLock {
public:
    // Error: who has it.
    static Result<FolderLock> take(const std::string& folder);
    FolderLock(FolderLock&& other) noexcept;
    FolderLock& operator=(FolderLock&&) = delete;
    ~FolderLock();

private:
    explicit FolderLock(int file) : file_(file) {}
    int file_;
};

// Makes the folder (0700) and an empty file (0600) in it when they do not exist, takes group and others their rights on
// the file when it does, and has the folder's entry on disk when it returns.
Result<void> make_private_file(const std::string& folder, const std::string& name);

}  // namespace parley::storage::sqlite
