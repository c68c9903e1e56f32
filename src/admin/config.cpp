#include "admin/config.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "admin/config_check.hpp"
#include "admin/config_schema.hpp"
#include "admin/document.hpp"
#include "admin/toml_scan.hpp"
#include "base/text.hpp"

namespace parley::admin {
namespace {

void in_order(std::vector<Problem>& problems) {
    std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
        return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
    });
}

LoadedConfig read(const Document& document, const std::filesystem::path& file) {
    LoadedConfig loaded;
    loaded.config.file = file;
    loaded.config.directory = file.parent_path().empty() ? std::filesystem::path(".") : file.parent_path();
    loaded.problems = document.problems;
    if (!document.usable) return loaded;
    apply_schema(document, loaded.config.directory, loaded.config, loaded.problems);
    check_together(document, loaded.config, loaded.problems);
    return loaded;
}

std::string text_of(const std::vector<Address>& addresses) {
    std::string out;
    for (const auto& address : addresses) out += (out.empty() ? "" : ", ") + address.to_string();
    return out;
}

}  // namespace

std::string Address::to_string() const {
    const bool six = address.find(':') != std::string::npos;
    return (six ? '[' + address + ']' : address) + ':' + std::to_string(port);
}

std::string_view to_string(Role role) {
    switch (role) {
        case Role::c2s: return "c2s";
        case Role::s2s: return "s2s";
        case Role::sip: return "sip";
        case Role::web: break;
    }
    return "web";
}

std::string_view to_string(LogLevel level) {
    switch (level) {
        case LogLevel::debug: return "debug";
        case LogLevel::info: return "info";
        case LogLevel::warning: return "warning";
        case LogLevel::error: break;
    }
    return "error";
}

bool Config::has(Role role) const {
    return std::find(roles.begin(), roles.end(), role) != roles.end();
}

const LocalDomain* Config::domain(std::string_view name) const {
    const auto found =
        std::find_if(domains.begin(), domains.end(), [&](const LocalDomain& domain) { return domain.name == name; });
    return found == domains.end() ? nullptr : &*found;
}

LoadedConfig parse_config(std::string_view text, const std::filesystem::path& file) {
    const auto document = parse_document(text);
    auto loaded = read(document, file);
    in_order(loaded.problems);
    return loaded;
}

LoadedConfig load_config(const std::filesystem::path& file, TimePoint now) {
    std::error_code failed;
    auto absolute = std::filesystem::absolute(file, failed);
    if (failed) absolute = file;
    errno = 0;
    std::ifstream in(absolute, std::ios::binary);
    if (!in || std::filesystem::is_directory(absolute, failed)) {
        LoadedConfig loaded;
        const auto why = std::filesystem::is_directory(absolute, failed) ? EISDIR : errno == 0 ? EIO : errno;
        loaded.problems.push_back({{"file.unreadable", {absolute.string(), std::strerror(why)}},
                                   {},
                                   Message{"fix.init", {}},
                                   Severity::error,
                                   {}});
        return loaded;
    }
    std::string text(config_max_bytes + 1, '\0');  // one more than is allowed, so that the scan sees it is too large
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    const auto document = parse_document(text);
    auto loaded = read(document, absolute.lexically_normal());
    if (document.usable) check_files(document, loaded.config, now, loaded.problems);
    in_order(loaded.problems);
    return loaded;
}

std::vector<ConfigChange> difference(const Config& before, const Config& after) {
    std::vector<ConfigChange> changes;
    const auto compare = [&](std::string key, std::string was, std::string is, bool restart) {
        if (was != is) changes.push_back({std::move(key), std::move(was), std::move(is), restart});
    };
    const auto words = [](const std::vector<Role>& roles) {
        std::string out;
        for (const auto role : roles) out += (out.empty() ? "" : ", ") + std::string(to_string(role));
        return out;
    };
    compare("node.name", before.node_name, after.node_name, true);
    compare("node.contact", join(before.contacts), join(after.contacts), false);
    compare("node.roles", words(before.roles), words(after.roles), true);
    compare("node.shards", std::to_string(before.shards), std::to_string(after.shards), true);
    compare("store.directory", before.store, after.store, true);
    const auto old_listeners = all_listeners(before), new_listeners = all_listeners(after);
    for (std::size_t i = 0; i < old_listeners.size(); ++i)
        compare("listen." + std::string(old_listeners[i].name), text_of(*old_listeners[i].addresses),
                text_of(*new_listeners[i].addresses), true);
    compare("dns.servers", text_of(before.dns_servers), text_of(after.dns_servers), true);
    compare("dns.unsigned", join(before.dns_unsigned), join(after.dns_unsigned), true);
    compare("dns.trust_anchor", before.trust_anchor, after.trust_anchor, true);
    compare("tls.trust_file", before.trust_file, after.trust_file, false);
    compare("tls.trust_system", before.trust_system ? "true" : "false", after.trust_system ? "true" : "false", false);
    compare("federation.disclose_reasons", before.disclose_reasons ? "true" : "false",
            after.disclose_reasons ? "true" : "false", false);
    compare("federation.posh", before.posh ? "true" : "false", after.posh ? "true" : "false", false);
    compare("sip.host", before.sip_host, after.sip_host, true);
    compare("sip.subscription", std::to_string(before.sip_subscription.count()),
            std::to_string(after.sip_subscription.count()), true);
    compare("sip.session_idle", std::to_string(before.sip_session_idle.count()),
            std::to_string(after.sip_session_idle.count()), true);
    compare("policy.third_party_decisions_count", before.third_party_decisions_count ? "true" : "false",
            after.third_party_decisions_count ? "true" : "false", false);
    compare("log.level", std::string(to_string(before.log_level)), std::string(to_string(after.log_level)), false);
    compare("log.file", before.log_file, after.log_file, true);
    for (const auto& spec : limit_specs())
        compare("limits." + std::string(spec.name), std::to_string(spec.get(before.limits)),
                std::to_string(spec.get(after.limits)), false);
    for (const auto& domain : before.domains)
        if (after.domain(domain.name) == nullptr) changes.push_back({"domain." + domain.name, domain.name, "", true});
    for (const auto& domain : after.domains) {
        const auto* old = before.domain(domain.name);
        if (old == nullptr) {
            changes.push_back({"domain." + domain.name, "", domain.name, true});
            continue;
        }
        compare("domain." + domain.name + ".certificate", old->certificate, domain.certificate, false);
        compare("domain." + domain.name + ".key", old->key, domain.key, false);
        compare("domain." + domain.name + ".rooms", old->rooms, domain.rooms, false);
    }
    return changes;
}

}  // namespace parley::admin
