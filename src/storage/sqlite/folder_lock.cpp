#include "storage/sqlite/folder_lock.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "base/text.hpp"

namespace parley::storage::sqlite {
namespace {

constexpr mode_t private_file = 0600;
constexpr mode_t private_folder = 0700;

Error failed(const std::string& path, const char* what) {
    return Error{Errc::storage, path + ": " + what + ": " + std::generic_category().message(errno)};
}

std::string holder(int file) {
    std::array<char, 32> digits{};
    const auto size = ::pread(file, digits.data(), digits.size(), 0);
    const auto pid = parse_number<int>(trim({digits.data(), static_cast<std::size_t>(size > 0 ? size : 0)}));
    if (!pid) return "another process";
    std::ifstream comm("/proc/" + std::to_string(*pid) + "/comm");
    std::string program;
    std::getline(comm, program);
    return "process " + std::to_string(*pid) + (program.empty() ? "" : " (" + program + ")");
}

}  // namespace

Result<FolderLock> FolderLock::take(const std::string& folder) {
    const std::string path = folder + "/lock";
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, private_file);
    if (file < 0) return failed(path, "cannot open");
    FolderLock lock(file);
    if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return failed(path, "cannot lock");
        return Error{Errc::conflict, folder + " is in use by " + holder(file)};
    }
    // Only for the message above: the lock itself does not depend on it.
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(file, 0) != 0 || ::pwrite(file, pid.data(), pid.size(), 0) < 0) return failed(path, "cannot write");
    return lock;
}
FolderLock::FolderLock(FolderLock&& other) noexcept : file_(other.file_) {
    other.file_ = -1;
}
FolderLock::~FolderLock() {
    if (file_ >= 0) ::close(file_);
}

Result<void> make_private_file(const std::string& folder, const std::string& name) {
    if (::mkdir(folder.c_str(), private_folder) != 0 && errno != EEXIST)
        return failed(folder, "cannot make this folder");
    const std::string path = folder + "/" + name;
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, private_file);
    if (file < 0) return failed(path, "cannot open");
    struct stat status {};
    const bool ok = ::fstat(file, &status) == 0 &&
                    ((status.st_mode & 0777) == private_file || ::fchmod(file, private_file) == 0) &&
                    ::fsync(file) == 0;
    const auto error = failed(path, "cannot make private");
    ::close(file);
    if (!ok) return error;
    const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return failed(folder, "cannot open");
    const bool synced = ::fsync(directory) == 0;
    ::close(directory);
    if (!synced) return failed(folder, "cannot sync");
    return {};
}

}  // namespace parley::storage::sqlite
