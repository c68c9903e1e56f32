#include <array>
#include <cerrno>
#include <chrono>
#include <poll.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

#include "admin/unix_address.hpp"
#include "apps/parleyctl/node_link.hpp"

namespace parley::ctl {
namespace {

using Clock = std::chrono::steady_clock;

class DaemonLink final : public NodeLink {
public:
    DaemonLink(int socket, std::string path, int timeout_seconds)
        : socket_(socket), path_(std::move(path)), timeout_(timeout_seconds) {}
    ~DaemonLink() override { ::close(socket_); }

    std::variant<admin::Response, Failure> ask(admin::Act act) override {
        const auto deadline = Clock::now() + std::chrono::seconds(timeout_);
        const auto line = encode(admin::Request{++last_id_, std::move(act)});
        for (std::size_t sent = 0; sent < line.size();) {
            if (!wait(POLLOUT, deadline)) return timed_out();
            const auto size = ::send(socket_, line.data() + sent, line.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (size < 0 && errno == EPIPE) break;  // the answer says why it hung up
            if (size < 0 && errno != EAGAIN && errno != EINTR) return unreachable(errno);
            if (size > 0) sent += static_cast<std::size_t>(size);
        }
        for (;;) {
            if (const auto answer = lines_.next()) {
                auto response = admin::decode_response(*answer);
                if (!response) return Failure{exit_unreachable, {"ctl.unreachable", {path_, response.error().detail}}};
                return *std::move(response);
            }
            if (lines_.too_long()) return Failure{exit_unreachable, {"ctl.unreachable", {path_, "too much"}}};
            if (!wait(POLLIN, deadline)) return timed_out();
            std::array<char, 65536> buffer;
            const auto size = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
            if (size == 0) return unreachable(ECONNRESET);
            if (size < 0 && errno != EAGAIN && errno != EINTR) return unreachable(errno);
            if (size > 0) lines_.feed({buffer.data(), static_cast<std::size_t>(size)});
        }
    }

private:
    bool wait(short events, Clock::time_point deadline) const {
        for (;;) {
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
            if (left <= 0) return false;
            pollfd waiting{socket_, events, 0};
            const int ready = ::poll(&waiting, 1, static_cast<int>(left));
            if (ready > 0) return true;
            if (ready == 0 || errno != EINTR) return false;
        }
    }
    Failure timed_out() const { return {exit_timeout, {"ctl.timeout", {std::to_string(timeout_)}}}; }
    Failure unreachable(int why) const {
        return {exit_unreachable, {"ctl.unreachable", {path_, std::generic_category().message(why)}}};
    }

    int socket_;
    std::string path_;
    int timeout_;
    std::uint64_t last_id_ = 0;
    admin::LineBuffer lines_{admin::control_response_bytes};
};

}  // namespace

Linked link_to_daemon(const LinkOptions& options) {
    const auto path = options.directory / "run" / "ctl.sock";
    const auto failure = [&](const std::string& why) {
        return NodeLink::Failure{exit_unreachable, {"ctl.unreachable", {path.string(), why}}};
    };
    const auto address = admin::UnixAddress::of(path);
    if (!address) return failure(address.error().detail);
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket < 0) return failure(std::generic_category().message(errno));
    if (::connect(socket, address->address(), admin::UnixAddress::size) != 0) {
        const int why = errno;
        ::close(socket);
        return failure(std::generic_category().message(why));
    }
    return std::make_unique<DaemonLink>(socket, path.string(), options.timeout_seconds);
}

Linked link_to_node(const LinkOptions& options, bool offline, admin::Language language) {
    auto daemon = link_to_daemon(options);
    if (!offline || std::holds_alternative<std::unique_ptr<NodeLink>>(daemon)) return daemon;
    auto store = link_to_store(options, language);
    // A daemon that holds the store but does not answer is the thing to tell.
    const auto* failure = std::get_if<NodeLink::Failure>(&store);
    if (failure != nullptr && failure->code == exit_unreachable) return daemon;
    return store;
}

}  // namespace parley::ctl
