#include "apps/parleyctl/init.hpp"

#include <cerrno>
#include <fcntl.h>
#include <iostream>
#include <netinet/in.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

#include <boost/json.hpp>

#include "admin/config.hpp"
#include "admin/config_schema.hpp"
#include "admin/config_template.hpp"
#include "base/text.hpp"
#include "net/certificate.hpp"
#include "xmpp/precis.hpp"

namespace parley::ctl {
namespace {

namespace fs = std::filesystem;

// A machine without IPv6 could not start with a configuration that names ::.
bool has_ipv6() {
    const int probe = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe < 0) return false;
    sockaddr_in6 loopback{};
    loopback.sin6_family = AF_INET6;
    loopback.sin6_addr = in6addr_loopback;
    const bool bound = ::bind(probe, reinterpret_cast<const sockaddr*>(&loopback), sizeof loopback) == 0;
    ::close(probe);
    return bound;
}

// O_EXCL: never over something that is there.
std::optional<std::string> write_new(const fs::path& path, const std::string& text) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (file < 0) return std::generic_category().message(errno);
    const auto written = ::write(file, text.data(), text.size());
    const bool whole = written == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
    const auto why = std::generic_category().message(errno);
    ::close(file);
    if (!whole) return why;
    return std::nullopt;
}

std::string file_name_of(const std::string& domain) {  // a domain is no path, but its U-labels may be odd in a shell
    return domain;
}

}  // namespace

int run_init(const InitOptions& options, const Output& output) {
    const auto prepared = xmpp::prepare_domainpart(options.domain);
    if (!prepared || !admin::is_domain_name(*prepared) || admin::is_numeric_address(*prepared))
        return output.fail(exit_usage,
                           {"rule.bad-domain", {options.domain, prepared ? "example.com" : prepared.error().detail}});
    const auto& domain = *prepared;
    const auto directory =
        fs::absolute(options.directory.empty() ? fs::path(domain) : options.directory).lexically_normal();
    for (const auto& address : options.addresses)
        if (!admin::is_numeric_address(address))
            return output.fail(exit_usage, {"config.address-is-a-name", {address}});

    const auto config_file = directory / "parley.toml";
    const auto certificate = "tls/" + file_name_of(domain) + ".crt", key = "tls/" + file_name_of(domain) + ".key";
    std::error_code failed;
    for (const auto& path : {config_file, directory / "store" / "parley.db", directory / certificate, directory / key})
        if (fs::exists(path, failed)) return output.fail(exit_problem, {"ctl.init-exists", {path.string()}});

    const auto made = [&](const fs::path& path, fs::perms rights) {
        std::error_code error;
        const bool fresh = fs::create_directories(path, error);
        if (!error && fresh) fs::permissions(path, rights, error);
        return error;
    };
    // The key and the store are nobody else's; run/ is entered by the group that may administer.
    for (const auto& [path, rights] :
         {std::pair(directory, fs::perms(0750)), std::pair(directory / "store", fs::perms(0700)),
          std::pair(directory / "tls", fs::perms(0750)), std::pair(directory / "run", fs::perms(0750))})
        if (const auto error = made(path, rights))
            return output.fail(exit_problem, {"ctl.init-failed", {path.string(), error.message()}});

    net::SelfSignedSettings settings;
    settings.domains = {domain};
    settings.certificate_file = (directory / certificate).string();
    settings.key_file = (directory / key).string();
    if (const auto signed_ = net::make_self_signed(settings); !signed_)
        return output.fail(exit_problem, {"ctl.init-failed", {settings.certificate_file, signed_.error().detail}});

    admin::ConfigTemplate values;
    values.domain = domain;
    values.node_name = options.name.empty() ? domain.substr(0, domain.find('.')) : options.name;
    if (options.port_base) values.ports = admin::Ports::from_base(*options.port_base);
    values.loopback6 = has_ipv6();
    if (!options.addresses.empty())
        values.addresses = options.addresses;
    else if (!values.loopback6)
        values.addresses = {"0.0.0.0"};
    values.certificate = certificate;
    values.key = key;
    if (const auto why = write_new(config_file, admin::write_config(values)))
        return output.fail(exit_problem, {"ctl.init-failed", {config_file.string(), *why}});

    // What was written is what parleyd will read: a name or a folder that cannot be had shows now, not at the first
    // start.
    const auto loaded = admin::load_config(config_file, SystemClock().wall());
    if (!loaded.problems.empty()) std::cerr << admin::render(loaded.problems, config_file.string(), output.language);
    if (!loaded.ok()) {
        fs::remove(config_file, failed);
        return exit_problem;
    }
    if (output.json) {
        const auto& p = values.ports;
        std::cout << boost::json::serialize(boost::json::object{{"ok", true},
                                                                {"directory", directory.string()},
                                                                {"domain", domain},
                                                                {"ports",
                                                                 {{"c2s", p.c2s},
                                                                  {"c2s_tls", p.c2s_tls},
                                                                  {"s2s", p.s2s},
                                                                  {"s2s_tls", p.s2s_tls},
                                                                  {"sip", p.sip},
                                                                  {"sip_tls", p.sip_tls},
                                                                  {"web", p.web},
                                                                  {"admin", p.admin}}}})
                  << "\n";
        return exit_ok;
    }
    output.say({"ctl.init-done", {directory.string(), domain}});
    output.say({"ctl.init-next", {}});
    output.line("  parleyd --dir " + directory.string());
    output.line("  parleyctl --dir " + directory.string() + " user add alice@" + domain);
    return exit_ok;
}

}  // namespace parley::ctl
