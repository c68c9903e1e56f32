#include "apps/parleyd/control_socket.hpp"

#include <array>
#include <cerrno>
#include <deque>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <poll.h>
#include <pwd.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

#include "admin/unix_address.hpp"

namespace parley {
namespace {

constexpr std::size_t most_clients = 32;
constexpr int waiting_clients = 16;
constexpr std::chrono::seconds idle_limit{60};  // a client that neither sends nor takes anything

Error failed(const std::filesystem::path& path) {
    return {Errc::closed, path.string() + ": " + std::generic_category().message(errno)};
}

// Who is at the other end, as the kernel says.
std::string actor_of(int socket) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return "unknown";
    auto actor = "uid " + std::to_string(credentials.uid);
    passwd entry{};
    passwd* found = nullptr;
    std::array<char, 4096> buffer{};
    if (::getpwuid_r(credentials.uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
        actor += std::string(" (") + found->pw_name + ')';
    return actor;
}

}  // namespace

class ControlSocket::Loop : public std::enable_shared_from_this<Loop> {
public:
    Loop(std::filesystem::path path, int listener, int wake, Executor& main, admin::Control& control)
        : path_(std::move(path)), listener_(listener), wake_(wake), main_(main), control_(control) {}

    ~Loop() {
        ::close(listener_);
        ::close(wake_);
    }

    void start() {
        thread_ = std::thread([this] { run(); });
    }

    void stop() {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        wake();
        thread_.join();
        ::unlink(path_.c_str());
    }

private:
    using Time = std::chrono::steady_clock::time_point;

    struct Client {
        int socket = -1;
        std::string actor;
        admin::LineBuffer lines{admin::control_request_bytes};
        std::string unsent;
        bool busy = false;    // one request at a time: answers keep the order
        bool ending = false;  // close when all is sent
        Time last{};
    };
    struct Answer {
        std::uint64_t client;
        std::string line;
    };

    void wake() const {
        const std::uint64_t one = 1;
        (void)!::write(wake_, &one, sizeof one);
    }

    void run() {
        for (;;) {
            std::vector<pollfd> waiting{
                {wake_, POLLIN, 0}, {listener_, static_cast<short>(clients_.size() < most_clients ? POLLIN : 0), 0}};
            std::vector<std::uint64_t> ids{0, 0};
            for (const auto& [id, client] : clients_) {
                short events = client.unsent.empty() ? 0 : POLLOUT;
                if (!client.busy && !client.ending) events = static_cast<short>(events | POLLIN);
                waiting.push_back({client.socket, events, 0});
                ids.push_back(id);
            }
            ::poll(waiting.data(), waiting.size(), 1000);
            if (waiting[0].revents != 0) {
                std::uint64_t count = 0;
                (void)!::read(wake_, &count, sizeof count);
            }
            if (!take_answers()) break;
            if ((waiting[1].revents & POLLIN) != 0) accept();
            const auto now = std::chrono::steady_clock::now();
            for (std::size_t i = 2; i < waiting.size(); ++i) {
                const auto found = clients_.find(ids[i]);
                if (found == clients_.end()) continue;
                auto& client = found->second;
                const auto events = waiting[i].revents;
                bool alive = (events & (POLLERR | POLLNVAL)) == 0;
                if (client.busy && (events & POLLHUP) != 0) alive = false;  // nobody waits for the answer any more
                if (events != 0) client.last = now;
                if (alive && (events & (POLLIN | POLLHUP)) != 0 && !client.busy) alive = read(ids[i], client);
                if (alive && !client.unsent.empty()) alive = write(client);
                if (client.ending && client.unsent.empty()) alive = false;
                if (!client.busy && now - client.last > idle_limit) alive = false;
                if (!alive) close(found);
            }
        }
        while (!clients_.empty()) close(clients_.begin());
    }

    void close(std::map<std::uint64_t, Client>::iterator client) {
        ::close(client->second.socket);
        clients_.erase(client);
    }

    void accept() {
        const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (socket < 0) return;
        Client client;
        client.socket = socket;
        client.actor = actor_of(socket);
        client.last = std::chrono::steady_clock::now();
        clients_.emplace(++last_client_, std::move(client));
    }

    bool read(std::uint64_t id, Client& client) {
        std::array<char, 65536> buffer;
        const auto size = ::recv(client.socket, buffer.data(), buffer.size(), 0);
        if (size < 0) return errno == EAGAIN || errno == EINTR;
        if (size == 0) return false;
        client.lines.feed({buffer.data(), static_cast<std::size_t>(size)});
        if (client.lines.too_long()) {
            const admin::Message large{"act.too-large", {std::to_string(admin::control_request_bytes)}};
            client.unsent += encode(admin::Response::of(admin::Outcome::refused, large));
            client.ending = true;
            return true;
        }
        next_request(id, client);
        return true;
    }

    void next_request(std::uint64_t id, Client& client) {
        if (client.busy || client.ending) return;
        auto line = client.lines.next();
        if (!line) return;
        auto decoded = admin::decode_request(*line);
        if (const auto* wrong = std::get_if<admin::RequestError>(&decoded)) {
            auto response = admin::Response::of(admin::Outcome::refused, wrong->message);
            response.id = wrong->id;
            client.unsent += encode(response);
            client.ending = true;  // what follows may be anything
            return;
        }
        client.busy = true;
        auto& request = std::get<admin::Request>(decoded);
        // The answer may come when this object is gone: the callback holds the loop, not the other way round.
        main_.post([self = shared_from_this(), id, number = request.id, actor = client.actor,
                    act = std::move(request.act)]() mutable {
            self->carry_out(id, number, std::move(actor), std::move(act));
        });
    }

    void carry_out(std::uint64_t client, std::uint64_t number, std::string actor, admin::Act act) {
        {
            const std::lock_guard lock(mutex_);
            if (stopping_) return;
        }
        control_.handle(std::move(act), std::move(actor),
                        [self = shared_from_this(), client, number](admin::Response response) {
                            response.id = number;
                            {
                                const std::lock_guard lock(self->mutex_);
                                if (self->stopping_) return;
                                self->answers_.push_back({client, encode(response)});
                            }
                            self->wake();
                        });
    }

    // False: it is time to stop.
    bool take_answers() {
        std::deque<Answer> answers;
        {
            const std::lock_guard lock(mutex_);
            if (stopping_) return false;
            answers.swap(answers_);
        }
        for (auto& answer : answers) {
            const auto found = clients_.find(answer.client);
            if (found == clients_.end()) continue;
            found->second.busy = false;
            found->second.last = std::chrono::steady_clock::now();
            found->second.unsent += answer.line;
            next_request(answer.client, found->second);
            if (!write(found->second)) close(found);
        }
        return true;
    }

    static bool write(Client& client) {
        const auto size = ::send(client.socket, client.unsent.data(), client.unsent.size(), MSG_NOSIGNAL);
        if (size < 0) return errno == EAGAIN || errno == EINTR;
        client.unsent.erase(0, static_cast<std::size_t>(size));
        return true;
    }

    const std::filesystem::path path_;
    const int listener_, wake_;
    Executor& main_;
    admin::Control& control_;
    std::thread thread_;
    std::map<std::uint64_t, Client> clients_;  // of the thread only
    std::uint64_t last_client_ = 0;
    std::mutex mutex_;
    std::deque<Answer> answers_;
    bool stopping_ = false;
};

Result<std::unique_ptr<ControlSocket>> ControlSocket::open(const std::filesystem::path& path, Executor& main,
                                                           admin::Control& control) {
    if (::mkdir(path.parent_path().c_str(), 0750) != 0 && errno != EEXIST) return failed(path.parent_path());
    const auto address = admin::UnixAddress::of(path);
    if (!address) return address.error();
    ::unlink(path.c_str());
    const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0) return failed(path);
    // Until chmod nobody may connect who may not later: the file is made without any rights.
    const auto mask = ::umask(0777);
    const int bound = ::bind(listener, address->address(), admin::UnixAddress::size);
    const int why = errno;
    ::umask(mask);
    errno = why;
    if (bound != 0 || ::chmod(path.c_str(), 0660) != 0 || ::listen(listener, waiting_clients) != 0) {
        auto error = failed(path);
        ::close(listener);
        return error;
    }
    const int wake = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake < 0) {
        auto error = failed(path);
        ::close(listener);
        return error;
    }
    auto loop = std::make_shared<Loop>(path, listener, wake, main, control);
    loop->start();
    return std::unique_ptr<ControlSocket>(new ControlSocket(std::move(loop)));
}

ControlSocket::ControlSocket(std::shared_ptr<Loop> loop) : loop_(std::move(loop)) {}
ControlSocket::~ControlSocket() {
    loop_->stop();
}

}  // namespace parley
