#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "admin/problem.hpp"
#include "base/clock.hpp"
#include "base/limits.hpp"
#include "base/log.hpp"

namespace parley::admin {

// A numeric address and a port, as the file gives them ("127.0.0.1:5222", "[::1]:5222").
struct Address {
    std::string address;  // IPv4 or IPv6, without brackets
    std::uint16_t port = 0;
    Place place;  // where the file says so: for problems that show later
    std::string to_string() const;
    bool operator==(const Address& other) const { return address == other.address && port == other.port; }
};

struct LocalDomain {
    std::string name;                   // lower case
    std::filesystem::path certificate;  // absolute; PEM, leaf first
    std::filesystem::path key;
    std::string rooms;  // the domain whose addresses are rooms; empty: there are none
    Place name_place, certificate_place, key_place, rooms_place;
    bool operator==(const LocalDomain& other) const {
        return name == other.name && certificate == other.certificate && key == other.key && rooms == other.rooms;
    }
};

enum class Role { c2s, s2s, sip, web };
std::string_view to_string(Role role);
std::string_view to_string(LogLevel level);

struct Listeners {
    std::vector<Address> c2s, c2s_tls, s2s, s2s_tls, sip, sip_tls, web, admin;
    bool operator==(const Listeners&) const = default;
};

// What a node needs to start (parley.toml). Users, partners and policies are in the store, where a change is live at
// once. All paths are absolute after loading: a relative one in the file is relative to the file's folder.
struct Config {
    std::filesystem::path file, directory;
    std::string node_name = "parley";
    std::vector<std::string> contacts;  // of those who run it, as URIs or words: for partners
    unsigned shards = 0;                // threads that own users; 0: one a core
    std::vector<Role> roles{Role::c2s, Role::s2s, Role::sip, Role::web};
    std::filesystem::path store;
    std::vector<LocalDomain> domains;
    Listeners listen;
    std::vector<Address> dns_servers;       // empty: the system's
    std::filesystem::path trust_anchor;     // DS or DNSKEY records; empty: DNS answers are not validated
    std::vector<std::string> dns_unsigned;  // domains whose answers are never validated
    std::filesystem::path trust_file;       // PEM; empty: none of our own
    bool trust_system = true;               // the system's roots count too
    bool disclose_reasons = true;           // partners that are refused are told why
    bool posh = false;                      // web servers of XMPP partners are asked for what proves their certificates
    std::string sip_host;                   // public name in Contact and Record-Route; empty: "sip." + the local domain
    Seconds sip_subscription{3600};         // how long a subscription that we take or ask for lasts at most
    Seconds sip_session_idle{600};          // an IM session without a message ends after this
    // Answers of clients that are not native change their users' policy lists too.
    bool third_party_decisions_count = false;
    LogLevel log_level = LogLevel::info;
    std::filesystem::path log_file;  // empty: standard error
    Limits limits;

    bool has(Role role) const;
    const LocalDomain* domain(std::string_view name) const;
    std::filesystem::path control_socket() const { return directory / "run" / "ctl.sock"; }
    std::filesystem::path audit_file() const { return directory / "audit.log"; }
};

struct LoadedConfig {
    Config config;                  // to be used only without errors
    std::vector<Problem> problems;  // in the order of the file; all of them, not only the first
    bool ok() const { return !has_errors(problems); }
};

// The file as text; looks at no other file, so it can be fuzzed.
LoadedConfig parse_config(std::string_view text, const std::filesystem::path& file);
// Reads the file, and checks what it names: certificates, keys, folders. `now` judges the certificates' dates.
LoadedConfig load_config(const std::filesystem::path& file, TimePoint now);

// What a reload would change, by key as the file names it ("log.level"), for people and for the daemon.
struct ConfigChange {
    std::string key, before, after;
    bool needs_restart = false;
};
std::vector<ConfigChange> difference(const Config& before, const Config& after);

}  // namespace parley::admin
