#include "apps/parleyd/start.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <netinet/in.h>
#include <set>
#include <sstream>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

#include "base/clock.hpp"
#include "base/text.hpp"

namespace parley {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view listening = "0A";  // TCP_LISTEN, as /proc/net/tcp writes it

// Lines of /proc/net/tcp: "0: 0100007F:1466 00000000:0000 0A ... uid timeout inode ...".
void add_listeners(const char* file, std::uint16_t port, std::set<std::string>& inodes) {
    std::ifstream in(file);
    std::string line;
    std::getline(in, line);  // the head
    while (std::getline(in, line)) {
        std::istringstream fields(line);
        std::string number, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
        fields >> number >> local >> remote >> state >> queues >> timer >> retransmits >> uid >> timeout >> inode;
        const auto colon = local.rfind(':');
        if (colon == std::string::npos || state != listening) continue;
        unsigned found = 0;
        const auto digits = local.substr(colon + 1);
        std::from_chars(digits.data(), digits.data() + digits.size(), found, 16);
        if (found == port) inodes.insert(inode);
    }
}

bool holds(const fs::path& process, const std::set<std::string>& inodes) {
    std::error_code failed;
    for (auto file = fs::directory_iterator(process / "fd", failed); !failed && file != fs::directory_iterator();
         file.increment(failed)) {
        std::error_code unreadable;
        const auto target = fs::read_symlink(file->path(), unreadable).string();
        if (unreadable || !target.starts_with("socket:[")) continue;
        if (inodes.contains(target.substr(8, target.size() - 9))) return true;
    }
    return false;
}

// listen() says in words why it failed; which words is its affair. Trying the same by hand gives the number.
int why_not_bound(const admin::Address& address) {
    sockaddr_storage storage{};
    socklen_t size = 0;
    const bool six = address.address.find(':') != std::string::npos;
    if (six) {
        auto* in = reinterpret_cast<sockaddr_in6*>(&storage);
        in->sin6_family = AF_INET6;
        in->sin6_port = htons(address.port);
        if (inet_pton(AF_INET6, address.address.c_str(), &in->sin6_addr) != 1) return EINVAL;
        size = sizeof *in;
    } else {
        auto* in = reinterpret_cast<sockaddr_in*>(&storage);
        in->sin_family = AF_INET;
        in->sin_port = htons(address.port);
        if (inet_pton(AF_INET, address.address.c_str(), &in->sin_addr) != 1) return EINVAL;
        size = sizeof *in;
    }
    const int probe = ::socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe < 0) return errno;
    const int yes = 1;
    ::setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (six) ::setsockopt(probe, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
    int why = 0;
    if (::bind(probe, reinterpret_cast<const sockaddr*>(&storage), size) != 0 || ::listen(probe, 1) != 0) why = errno;
    ::close(probe);
    return why;
}

}  // namespace

Result<admin::Config> load_config_or_report(const fs::path& file, std::ostream& out) {
    auto loaded = admin::load_config(file, SystemClock().wall());
    out << admin::render(loaded.problems, file.string(), admin::language_from_environment());
    if (loaded.ok()) return std::move(loaded.config);
    return Error{Errc::malformed, file.string()};
}

std::optional<PortHolder> find_port_holder(std::uint16_t port) {
    std::set<std::string> inodes;
    add_listeners("/proc/net/tcp", port, inodes);
    add_listeners("/proc/net/tcp6", port, inodes);
    if (inodes.empty()) return std::nullopt;
    std::error_code failed;
    for (auto entry = fs::directory_iterator("/proc", failed); !failed && entry != fs::directory_iterator();
         entry.increment(failed)) {
        const auto pid = parse_number<int>(entry->path().filename().string());
        if (!pid || !holds(entry->path(), inodes)) continue;
        PortHolder holder{*pid, {}};
        std::ifstream comm(entry->path() / "comm");
        std::getline(comm, holder.program);
        return holder;
    }
    return PortHolder{};
}

std::string describe_port_holder(std::uint16_t port) {
    const auto holder = find_port_holder(port);
    if (!holder || holder->pid == 0) return "another program";
    return holder->program + " (process " + std::to_string(holder->pid) + ")";
}

std::string describe_listen_failure(std::string_view name, const admin::Address& address, const Error& error,
                                    admin::Language language) {
    using admin::Message;
    const auto where = address.to_string();
    const auto key = std::string(name);
    switch (why_not_bound(address)) {
        case EADDRINUSE: {
            const auto holder = find_port_holder(address.port);
            if (holder && holder->pid != 0)
                return Message{"start.port-in-use", {where, key, holder->program, std::to_string(holder->pid)}}.in(
                    language);
            return Message{"start.port-in-use-unknown", {where, key}}.in(language);
        }
        case EACCES: return Message{"start.port-forbidden", {where, key}}.in(language);
        case EADDRNOTAVAIL: return Message{"start.address-not-ours", {where, key}}.in(language);
        default: return Message{"start.listen-failed", {where, key, error.detail}}.in(language);
    }
}

}  // namespace parley
