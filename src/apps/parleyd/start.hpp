#pragma once

#include <filesystem>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "admin/config.hpp"
#include "admin/messages/message.hpp"
#include "base/error.hpp"

namespace parley {

// The configuration, checked with all that it names; every problem is printed to `out`, warnings too. An error means
// that there is nothing to start with.
Result<admin::Config> load_config_or_report(const std::filesystem::path& file, std::ostream& out);

struct PortHolder {
    int pid = 0;  // 0: not to be found, which is usual for another user's process
    std::string program;
};
// Who listens on this TCP port of this machine, by /proc/net/tcp{,6} and /proc/*/fd. Nothing: nobody does.
std::optional<PortHolder> find_port_holder(std::uint16_t port);
// The same in words: "nginx (process 812)", "another program".
std::string describe_port_holder(std::uint16_t port);

// One plain sentence for a listener that could not be opened. `name` is the key of [listen]; `error` what listen()
// gave.
std::string describe_listen_failure(std::string_view name, const admin::Address& address, const Error& error,
                                    admin::Language language);

}  // namespace parley
