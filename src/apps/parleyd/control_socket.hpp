#pragma once

#include <filesystem>
#include <memory>

#include "admin/control.hpp"
#include "base/error.hpp"
#include "base/executor.hpp"

namespace parley {

// DIR/run/ctl.sock (0660): accepts parleyctl, reads its lines on a thread of its own and has them carried out on the
// main executor. A client that sends nonsense, too much or nothing costs this thread only, never a shard.
class ControlSocket {
public:
    // Replaces a socket file that a killed parleyd left: the store's lock has shown that no other one runs here. `main`
    // is the executor of `control`; both outlive this object, and `main` must still run, or be done for good, when it
    // is destroyed.
    static Result<std::unique_ptr<ControlSocket>> open(const std::filesystem::path& path, Executor& main,
                                                       admin::Control& control);
    ~ControlSocket();  // removes the file; open requests are answered no more
    ControlSocket(const ControlSocket&) = delete;
    ControlSocket& operator=(const ControlSocket&) = delete;

private:
    class Loop;
    explicit ControlSocket(std::shared_ptr<Loop> loop);
    std::shared_ptr<Loop> loop_;
};

}  // namespace parley
