// parley-load: plays XMPP clients against a server, checks every delivery, and prints one JSON line. bench/README.md
// says what each mode measures.
#include <csignal>
#include <cstdio>
#include <exception>
#include <map>
#include <sys/resource.h>

#include "bench/load/modes.hpp"

int main(int argc, char** argv) {
    using namespace parley::bench;
    const auto options = parse_options(argc, argv);
    const std::map<std::string, int (*)(const Options&)> modes{
        {"chat", run_chat},
        {"federated", run_chat},
        {"chat-sm", run_chat_sm},
        {"idle", run_idle},
        {"login", run_login},
        {"presence", run_presence},
        {"sip-in", run_sip_talk},
        {"sip-out", run_sip_talk},
        {"sip-session", run_sip_session},
        {"sip-notify", run_sip_notify},
        {"sip-subscribe", run_sip_subscribe},
    };
    const auto mode = modes.find(options.mode);
    if (mode == modes.end()) {
        std::fprintf(stderr, "parley-load: unknown mode '%s'\n", options.mode.c_str());
        return 2;
    }
    std::signal(SIGPIPE, SIG_IGN);
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;  // one descriptor a session
    ::setrlimit(RLIMIT_NOFILE, &files);
    try {
        return mode->second(options);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "parley-load: %s\n", error.what());
        return 1;
    }
}
