#include "bench/load/options.hpp"

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>

namespace parley::bench {
namespace {

[[noreturn]] void refuse(const std::string& why) {
    std::fprintf(stderr, "parley-load: %s\nSee bench/README.md for the options.\n", why.c_str());
    std::exit(2);
}

double number(const std::string& name, const std::string& text) {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != '\0' || value < 0 || value > 1e9) refuse(name + " needs a number, not '" + text + "'");
    return value;
}

std::vector<int> numbers(const std::string& name, std::string text) {
    std::vector<int> list;
    while (!text.empty()) {
        const auto comma = text.find(',');
        list.push_back(static_cast<int>(number(name, text.substr(0, comma))));
        text = comma == std::string::npos ? "" : text.substr(comma + 1);
    }
    return list;
}

}  // namespace

Options parse_options(int argc, char** argv) {
    Options o;
    const auto text = [](std::string& into) { return [&into](const std::string&, const std::string& v) { into = v; }; };
    const auto count = [](auto& into) {
        return [&into](const std::string& n, const std::string& v) {
            into = static_cast<std::remove_reference_t<decltype(into)>>(number(n, v));
        };
    };
    const std::map<std::string, std::function<void(const std::string&, const std::string&)>> with_value{
        {"--mode", text(o.mode)},
        {"--label", text(o.label)},
        {"--port", count(o.server.port)},
        {"--domain", text(o.server.domain)},
        {"--other-port", count(o.other.port)},
        {"--other-domain", text(o.other.domain)},
        {"--pids", [&](const std::string& n, const std::string& v) { o.pids = numbers(n, v); }},
        {"--tls",
         [&](const std::string&, const std::string& v) {
             if (v != "direct" && v != "starttls") refuse("--tls is direct or starttls");
             o.direct_tls = v == "direct";
         }},
        {"--sasl",
         [&](const std::string&, const std::string& v) {
             const auto mechanism = mechanism_from(v);
             if (!mechanism) refuse("--sasl is SCRAM-SHA-256, SCRAM-SHA-1 or PLAIN");
             o.mechanism = *mechanism;
         }},
        {"--user-prefix", text(o.user_prefix)},
        {"--password", text(o.password)},
        {"--resource", text(o.resource)},
        {"--sessions", count(o.sessions)},
        {"--first-user", count(o.first_user)},
        {"--window", count(o.window)},
        {"--ack-every", count(o.ack_every)},
        {"--messages", count(o.messages)},
        {"--body", count(o.body)},
        {"--contacts", count(o.contacts)},
        {"--concurrency", count(o.concurrency)},
        {"--logins", count(o.logins)},
        {"--warm-up", count(o.warm_up)},
        {"--seconds", count(o.seconds)},
        {"--settle", count(o.settle)},
        {"--sip-port", count(o.sip_port)},
        {"--sip-listen", count(o.sip_listen)},
        {"--sip-domain", text(o.sip_domain)},
        {"--certificate", text(o.certificate)},
        {"--key", text(o.key)},
    };
    for (int i = 1; i < argc; ++i) {
        const std::string name = argv[i];
        if (name == "--raw") {
            o.raw = true;
        } else if (name == "--sip-users") {
            o.sip_users = true;
        } else if (name == "--no-presence") {
            o.presence = false;
        } else if (const auto known = with_value.find(name); known == with_value.end()) {
            refuse("unknown option " + name);
        } else if (i + 1 == argc) {
            refuse(name + " needs a value");
        } else {
            known->second(name, argv[++i]);
        }
    }
    if (o.server.port == 0) refuse("--port is needed");
    if (o.server.domain.empty() && !o.raw) refuse("--domain is needed");
    if (o.window == 0 || o.sessions == 0 || o.concurrency == 0 || o.ack_every == 0) refuse("counts start at 1");
    if (o.mode.starts_with("sip-") &&
        (o.sip_port == 0 || o.sip_listen == 0 || o.sip_domain.empty() || o.certificate.empty()))
        refuse("a mode of SIP needs --sip-port, --sip-listen, --sip-domain, --certificate and --key");
    return o;
}

}  // namespace parley::bench
