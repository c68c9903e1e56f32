#include "apps/parleyd/options.hpp"

#include <cstdlib>
#include <string_view>

#include "admin/version.hpp"

namespace parley {
namespace {

constexpr std::string_view usage =
    "parleyd - XMPP messaging and presence server that federates over XMPP and SIP\n"
    "\n"
    "Usage: parleyd [--dir DIR]\n"
    "\n"
    "Runs the node whose folder is DIR in the foreground. `parleyctl init DOMAIN --dir DIR` makes such a folder.\n"
    "Standard output gets one line once all ports are open; the log goes to standard error or to the file of the\n"
    "configuration. SIGHUP reads the configuration and the certificates again, SIGTERM ends the node cleanly.\n"
    "\n"
    "  --dir DIR    the node's folder, with parley.toml in it (default: $PARLEY_DIR, else this folder, else "
    "/etc/parley)\n"
    "  --version    print the version\n"
    "  --help       print this\n"
    "\n"
    "Exit: 0 ended by a signal, 1 could not start or go on, 2 wrong usage.\n"
    "Example: parleyctl init example.com --dir node && parleyd --dir node\n";

}  // namespace

std::optional<Options> parse_options(int argc, const char* const* argv, std::ostream& out, std::ostream& err,
                                     int& exit_code) {
    Options options;
    exit_code = 0;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--help" || argument == "-h") {
            out << usage;
            return std::nullopt;
        }
        if (argument == "--version") {
            out << "parleyd " << admin::version << "\n";
            return std::nullopt;
        }
        if (argument.starts_with("--dir=")) {
            options.directory = argument.substr(6);
        } else if (argument == "--dir" && i + 1 < argc) {
            options.directory = argv[++i];
        } else {
            err << "parleyd: "
                << (argument == "--dir" ? "--dir needs a folder" : "unknown argument " + std::string(argument))
                << "; see parleyd --help\n";
            exit_code = 2;
            return std::nullopt;
        }
    }
    if (options.directory.empty()) options.directory = admin::default_directory();
    std::error_code failed;
    const auto absolute = std::filesystem::absolute(options.directory, failed);
    if (!failed) options.directory = absolute.lexically_normal();
    return options;
}

}  // namespace parley
