// A shim for LD_PRELOAD that writes down, in their true order, what a program does to the files of one folder: writes,
// truncations, syncs, names made and removed. From the journal tests/powercut/run builds what the disk may hold after a
// power cut at any moment. It goes below the C library, straight to the system calls, so that nothing is journaled
// twice.
//   POWERCUT_FOLDER   the folder; files whose name ends in "-shm" are left out (SQLite maps its log index and builds it
//   anew) POWERCUT_JOURNAL  the journal, outside of it
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <pthread.h>
#include <string>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

struct Record {  // tests/powercut/run reads it
    char type;   // see the calls of note()
    std::array<char, 7> unused;
    std::uint64_t inode;
    std::int64_t offset;
    std::uint64_t size;  // of the bytes that follow
};
static_assert(sizeof(Record) == 32);

constexpr std::size_t most_files = 4096;

pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
std::array<std::uint64_t, most_files> inodes;  // by descriptor; 0: not ours
int journal = -1;
long syncs_until_failure = 0, writes_until_full = 0, writes_to_fail = 0;
std::string* folder = nullptr;  // never freed: other libraries' destructors still write

[[noreturn]] void die(const char* what) {
    std::perror(what);
    std::abort();
}
void write_whole(const void* bytes, std::size_t size) {
    const auto* next = static_cast<const char*>(bytes);
    while (size > 0) {
        const long wrote = ::syscall(SYS_write, journal, next, size);
        if (wrote <= 0) die("powercut journal");
        next += wrote;
        size -= static_cast<std::size_t>(wrote);
    }
}
void note(char type, std::uint64_t inode, std::int64_t offset, const void* bytes, std::size_t size) {
    const Record record{type, {}, inode, offset, size};
    write_whole(&record, sizeof record);
    write_whole(bytes, size);
}

class Lock {
public:
    Lock() {
        ::pthread_mutex_lock(&mutex);
        if (folder) return;
        const char* const where = std::getenv("POWERCUT_FOLDER");
        const char* const path = std::getenv("POWERCUT_JOURNAL");
        folder = new std::string(where && path ? where : "");
        if (folder->empty()) return;
        journal =
            static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
        if (journal < 0) die(path);
        if (const char* const fail = std::getenv("POWERCUT_FAIL_SYNC")) syncs_until_failure = std::atol(fail);
        if (const char* const full = std::getenv("POWERCUT_FULL"))
            if (std::sscanf(full, "%ld:%ld", &writes_until_full, &writes_to_fail) != 2) die("POWERCUT_FULL");
    }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    ~Lock() { ::pthread_mutex_unlock(&mutex); }
};

// The name inside the folder, "." for the folder itself; empty: not ours.
std::string name_of(const char* path) {
    if (folder->empty() || !path) return {};
    const std::string whole = path;
    if (whole == *folder) return ".";
    if (whole.compare(0, folder->size() + 1, *folder + "/") != 0) return {};
    const std::string name = whole.substr(folder->size() + 1);
    const bool index = name.size() >= 4 && name.compare(name.size() - 4, 4, "-shm") == 0;
    return index ? std::string() : name;
}
std::uint64_t inode_of(int file) {
    const auto index = static_cast<std::size_t>(file);
    return file >= 0 && index < most_files ? inodes[index] : 0;
}

int open_file(int where, const char* path, int flags, mode_t mode) {
    const Lock lock;
    const std::string name = name_of(path);
    const bool existed = ::syscall(SYS_faccessat, where, path, F_OK) == 0;
    errno = 0;
    const int file = static_cast<int>(::syscall(SYS_openat, where, path, flags, mode));
    const int error = errno;
    if (file >= 0 && static_cast<std::size_t>(file) < most_files) inodes[static_cast<std::size_t>(file)] = 0;
    if (file >= 0 && !name.empty()) {
        struct stat status {};
        if (::fstat(file, &status) != 0 || static_cast<std::size_t>(file) >= most_files) die("powercut open");
        inodes[static_cast<std::size_t>(file)] = status.st_ino;
        note('o', status.st_ino, existed ? 0 : 1, name.data(), name.size());  // offset 1: made by this call
        if (existed && (flags & O_TRUNC) != 0) note('t', status.st_ino, 0, nullptr, 0);
    }
    errno = error;
    return file;
}

int sync_file(long call, int file) {
    std::uint64_t inode = 0;
    {
        const Lock lock;
        inode = inode_of(file);
        if (inode && syncs_until_failure > 0 && --syncs_until_failure == 0) {
            errno = EIO;
            return -1;
        }
        if (inode) note('s', inode, 0, nullptr, 0);  // what was written until here ...
    }
    const int result = static_cast<int>(::syscall(call, file));
    if (inode && result == 0) {
        const Lock lock;
        note('e', inode, 0, nullptr, 0);  // ... is on disk from here
    }
    return result;
}

ssize_t write_at(int file, const void* bytes, std::size_t size, off_t offset) {
    const Lock lock;
    if (inode_of(file) && writes_to_fail > 0 && (writes_until_full == 0 || --writes_until_full == 0)) {
        --writes_to_fail;
        errno = ENOSPC;
        return -1;
    }
    const auto wrote = static_cast<ssize_t>(::syscall(SYS_pwrite64, file, bytes, size, offset));
    if (wrote > 0 && inode_of(file)) note('w', inode_of(file), offset, bytes, static_cast<std::size_t>(wrote));
    return wrote;
}
int truncate_file(int file, off_t size) {
    const Lock lock;
    const int result = static_cast<int>(::syscall(SYS_ftruncate, file, size));
    if (result == 0 && inode_of(file)) note('t', inode_of(file), size, nullptr, 0);
    return result;
}
mode_t mode_argument(int flags, va_list arguments) {
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = mode_argument(flags, arguments);
    va_end(arguments);
    return open_file(AT_FDCWD, path, flags, mode);
}
int open64(const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = mode_argument(flags, arguments);
    va_end(arguments);
    return open_file(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}
int close(int file) {
    const Lock lock;
    if (inode_of(file)) inodes[static_cast<std::size_t>(file)] = 0;
    return static_cast<int>(::syscall(SYS_close, file));
}
ssize_t pwrite(int file, const void* bytes, std::size_t size, off_t offset) {
    return write_at(file, bytes, size, offset);
}
ssize_t pwrite64(int file, const void* bytes, std::size_t size, off64_t offset) {
    return write_at(file, bytes, size, offset);
}
ssize_t write(int file, const void* bytes, std::size_t size) {
    if (!inode_of(file)) return static_cast<ssize_t>(::syscall(SYS_write, file, bytes, size));
    const off_t offset = static_cast<off_t>(::syscall(SYS_lseek, file, 0, SEEK_CUR));
    const auto wrote = write_at(file, bytes, size, offset);
    if (wrote > 0) ::syscall(SYS_lseek, file, offset + wrote, SEEK_SET);
    return wrote;
}
int ftruncate(int file, off_t size) noexcept {
    return truncate_file(file, size);
}
int ftruncate64(int file, off64_t size) noexcept {
    return truncate_file(file, size);
}
int fsync(int file) {
    return sync_file(SYS_fsync, file);
}
int fdatasync(int file) {
    return sync_file(SYS_fdatasync, file);
}
int unlink(const char* path) noexcept {
    const Lock lock;
    const int result = static_cast<int>(::syscall(SYS_unlink, path));
    const std::string name = result == 0 ? name_of(path) : std::string();
    if (!name.empty()) note('u', 0, 0, name.data(), name.size());
    return result;
}
int rename(const char* from, const char* to) noexcept {
    const Lock lock;
    const int result = static_cast<int>(::syscall(SYS_rename, from, to));
    const std::string first = result == 0 ? name_of(from) : std::string();
    const std::string second = result == 0 ? name_of(to) : std::string();
    if (first.empty() != second.empty()) die("powercut: renamed into or out of the folder");
    const std::string both = first + '/' + second;
    if (!first.empty()) note('n', 0, 0, both.data(), both.size());
    return result;
}

// What the program under test says at this moment: received, acknowledged.
void powercut_mark(const char* text, std::size_t size) {
    const Lock lock;
    if (!folder->empty()) note('m', 0, 0, text, size);
}

}  // extern "C"
