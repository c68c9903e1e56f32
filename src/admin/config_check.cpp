#include "admin/config_check.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <unistd.h>

#include "admin/certificate_check.hpp"
#include "admin/trust_anchor.hpp"

namespace parley::admin {
namespace {

class Reporter {
public:
    Reporter(const Document& document, std::vector<Problem>& problems) : document_(document), problems_(problems) {}
    void operator()(Message what, Place place, std::optional<Message> fix, Severity severity = Severity::error) {
        problems_.push_back({std::move(what), place, std::move(fix), severity, document_.line(place.line)});
    }

private:
    const Document& document_;
    std::vector<Problem>& problems_;
};

bool is_wildcard(const std::string& address) {
    return address == "0.0.0.0" || address == "::";
}
bool is_loopback(const std::string& address) {
    return address.starts_with("127.") || address == "::1";
}
bool same_family(const std::string& a, const std::string& b) {
    return (a.find(':') == std::string::npos) == (b.find(':') == std::string::npos);
}

// The wildcard of a family holds the port on each address of it; the families do not meet (IPV6_V6ONLY is set).
bool clash(const Address& a, const Address& b) {
    if (a.port != b.port || !same_family(a.address, b.address)) return false;
    return a.address == b.address || is_wildcard(a.address) || is_wildcard(b.address);
}

Place table_place(const Document& document, std::string_view table, std::string_view key = {}) {
    const auto* node = document.root.find(table);
    if (node == nullptr) return {};
    if (const auto* member = key.empty() ? nullptr : node->find(key)) return member->place;
    return node->place;
}

}  // namespace

std::vector<NamedListeners> all_listeners(const Config& config) {
    const auto& l = config.listen;
    return {{"c2s", &l.c2s}, {"c2s_tls", &l.c2s_tls}, {"s2s", &l.s2s}, {"s2s_tls", &l.s2s_tls},
            {"sip", &l.sip}, {"sip_tls", &l.sip_tls}, {"web", &l.web}, {"admin", &l.admin}};
}

void check_together(const Document& document, const Config& config, std::vector<Problem>& problems) {
    Reporter report(document, problems);
    struct Used {
        Address address;
        std::string key;
    };
    std::vector<Used> used;
    for (const auto& [name, addresses] : all_listeners(config)) {
        for (const auto& address : *addresses) {
            const auto other =
                std::find_if(used.begin(), used.end(), [&](const Used& u) { return clash(u.address, address); });
            if (other != used.end()) {
                // Whichever comes second in the file is the one to look at.
                const bool here = other->address.place.line <= address.place.line;
                const auto& second = here ? address : other->address;
                const auto& first = here ? other->address : address;
                report({"config.port-clash",
                        {second.to_string(), here ? other->key : std::string(name), std::to_string(first.place.line)}},
                       second.place, Message{"fix.other-port", {}});
            }
            used.push_back({address, std::string(name)});
            if (name == "admin" && !is_loopback(address.address))
                report({"config.admin-not-loopback", {address.to_string()}}, address.place,
                       Message{"fix.write", {"\"127.0.0.1:" + std::to_string(address.port) + '"'}}, Severity::warning);
        }
    }
    // A role that cannot be reached is a slip; unless something above could not be read.
    if (has_errors(problems)) return;
    const auto& l = config.listen;
    const auto lacks = [&](Role role, const std::vector<Address>& plain, const std::vector<Address>& tls) {
        return config.has(role) && plain.empty() && tls.empty();
    };
    const bool no_c2s = lacks(Role::c2s, l.c2s, l.c2s_tls), no_s2s = lacks(Role::s2s, l.s2s, l.s2s_tls);
    const bool no_sip = lacks(Role::sip, l.sip, l.sip_tls);
    if (used.empty()) {
        report({"config.no-listener", {}}, table_place(document, "listen"),
               Message{"fix.add-listener", {"c2s", "\"0.0.0.0:5222\""}});
        return;
    }
    const auto role = [&](bool missing, const char* name, const char* address) {
        if (missing)
            report(
                {"config.role-without-listener", {name}},
                document.root.find("node") ? table_place(document, "node", "roles") : table_place(document, "listen"),
                Message{"fix.add-listener", {name, address}}, Severity::warning);
    };
    role(no_c2s, "c2s", "\"0.0.0.0:5222\"");
    role(no_s2s, "s2s", "\"0.0.0.0:5269\"");
    role(no_sip, "sip_tls", "\"0.0.0.0:5061\"");
}

void check_files(const Document& document, const Config& config, TimePoint now, std::vector<Problem>& problems) {
    Reporter report(document, problems);
    for (const auto& domain : config.domains) {
        if (domain.certificate.empty() || domain.key.empty()) continue;  // said already
        for (auto& finding : check_certificate(domain.certificate, domain.key, {domain.name}, now)) {
            using About = CertificateFinding::About;
            const auto place = finding.about == About::key    ? domain.key_place
                               : finding.about == About::name ? domain.name_place
                                                              : domain.certificate_place;
            report(std::move(finding.what), place, std::move(finding.fix), finding.severity);
        }
    }
    if (!config.trust_file.empty())
        if (auto wrong = check_trust_file(config.trust_file))
            report(*std::move(wrong), table_place(document, "tls", "trust_file"), Message{"fix.check-path", {}});
    if (!config.trust_anchor.empty())
        if (auto wrong = check_trust_anchor(config.trust_anchor))
            report(*std::move(wrong), table_place(document, "dns", "trust_anchor"), Message{"fix.check-path", {}});
    std::error_code failed;
    const auto store_place = table_place(document, "store", "directory");
    if (!std::filesystem::is_directory(config.store, failed))
        report({"config.store-missing", {config.store.string()}}, store_place,
               Message{"fix.make-folder", {config.store.string()}});
    else if (access(config.store.c_str(), W_OK | X_OK) != 0)
        report({"config.store-not-writable", {config.store.string(), std::strerror(errno)}}, store_place,
               Message{"fix.permissions", {config.store.string()}});
    if (const auto folder = config.log_file.parent_path();
        !config.log_file.empty() && !std::filesystem::is_directory(folder, failed))
        report({"config.folder-missing", {folder.string()}}, table_place(document, "log", "file"),
               Message{"fix.make-folder", {folder.string()}});
}

}  // namespace parley::admin
