#pragma once

#include <filesystem>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/error.hpp"

namespace parley::admin {

// The address of a socket file, however long its path is: sockaddr_un takes 107 bytes, so the folder is opened and the
// socket reached as /proc/self/fd/N/name. Keep the object while bind() or connect() runs.
class UnixAddress {
public:
    static Result<UnixAddress> of(const std::filesystem::path& socket);
    UnixAddress(UnixAddress&& other) noexcept;
    UnixAddress& operator=(UnixAddress&&) = delete;
    ~UnixAddress();

    const sockaddr* address() const { return reinterpret_cast<const sockaddr*>(&address_); }
    static constexpr socklen_t size = sizeof(sockaddr_un);

private:
    UnixAddress() = default;
    int folder_ = -1;
    sockaddr_un address_{};
};

}  // namespace parley::admin
