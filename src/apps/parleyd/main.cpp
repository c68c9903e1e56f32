#include <csignal>
#include <iostream>
#include <memory>
#include <unistd.h>

#include "admin/audit_log.hpp"
#include "admin/messages/message.hpp"
#include "admin/version.hpp"
#include "apps/parleyd/control_socket.hpp"
#include "apps/parleyd/node_process.hpp"
#include "apps/parleyd/options.hpp"
#include "apps/parleyd/running_node.hpp"
#include "apps/parleyd/start.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "net/tls_memory.hpp"

namespace parley {
namespace {

int refuse(const std::string& sentence) {
    std::cerr << "parleyd: " << sentence << "\n";
    return 1;
}

int run(const Options& options) {
    using admin::Message;
    const auto language = admin::language_from_environment();
    auto config = load_config_or_report(options.config(), std::cerr);
    if (!config) return refuse(Message{"start.failed", {options.config().string()}}.in(language));

    if (const auto started = start_log(config->log_level, config->log_file.string()); !started)
        return refuse(Message{"start.failed", {started.error().detail}}.in(language));

    net::EventLoop main;
    auto audit = admin::AuditLog::open(config->audit_file().string());
    if (!audit) return refuse(Message{"start.failed", {audit.error().detail}}.in(language));
    auto process = NodeProcess::start(*config, main);
    if (!process) return refuse(Message{"start.failed", {process.error().detail}}.in(language));

    RunningNode node(*config, **process);
    (*process)->on_unheard = [&](const xmpp::Jid& user, const xmpp::Jid& sender) {
        (void)audit->append({sender.to_string(), "policy.unheard", user.to_string(), "messages are dropped"},
                            main.clock().wall());
    };
    const auto stores = (*process)->engine().stores_for(main);
    admin::Control control(stores->accounts(), stores->policy(), node, *audit, main.clock());
    auto socket = ControlSocket::open(config->control_socket(), main, control);
    if (!socket) return refuse(Message{"start.failed", {socket.error().detail}}.in(language));

    const auto stop = [&main] { main.stop(); };
    main.on_signal(SIGTERM, stop);
    main.on_signal(SIGINT, stop);
    main.on_signal(SIGHUP, [&] {
        control.handle(admin::Reload{}, "signal SIGHUP", [&](const admin::Response& response) {
            const auto level = response.outcome == admin::Outcome::done ? LogLevel::info : LogLevel::error;
            const auto text = node.describe(response, language);
            for (const auto line : split(trim(text), '\n')) log(level, "", line);
        });
    });
    // Whoever started us waits for this line: every port is open, every socket there.
    std::cout << node.ready_line() << std::endl;
    log(LogLevel::info, "", node.ready_line());
    main.run();
    socket->reset();
    log(LogLevel::info, "", "parleyd ends");
    return 0;
}

}  // namespace
}  // namespace parley

int main(int argc, char** argv) {
    parley::net::keep_record_buffers();
    std::signal(SIGPIPE, SIG_IGN);
    int exit_code = 0;
    const auto options = parley::parse_options(argc, argv, std::cout, std::cerr, exit_code);
    if (!options) return exit_code;
    try {
        return parley::run(*options);
    } catch (const std::exception& error) {
        std::cerr << "parleyd: " << error.what() << "\n";
        return 1;
    }
}
