#include "admin/unix_address.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace parley::admin {

Result<UnixAddress> UnixAddress::of(const std::filesystem::path& socket) {
    UnixAddress result;
    result.address_.sun_family = AF_UNIX;
    auto path = socket.string();
    if (path.size() >= sizeof result.address_.sun_path) {
        const auto folder = socket.parent_path().string();
        result.folder_ = ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (result.folder_ < 0) return Error{Errc::not_found, folder + ": " + std::generic_category().message(errno)};
        path = "/proc/self/fd/" + std::to_string(result.folder_) + '/' + socket.filename().string();
        if (path.size() >= sizeof result.address_.sun_path) return Error{Errc::too_long, socket.string()};
    }
    std::memcpy(result.address_.sun_path, path.c_str(), path.size() + 1);
    return result;
}

UnixAddress::UnixAddress(UnixAddress&& other) noexcept
    : folder_(std::exchange(other.folder_, -1)), address_(other.address_) {}
UnixAddress::~UnixAddress() {
    if (folder_ >= 0) ::close(folder_);
}

}  // namespace parley::admin
