#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "apps/parleyctl/output.hpp"

namespace parley::ctl {

struct InitOptions {
    std::string domain;
    std::filesystem::path directory;  // empty: ./DOMAIN
    std::optional<std::uint16_t> port_base;
    std::string name;                    // of the node; empty: the domain's first label
    std::vector<std::string> addresses;  // to listen on; empty: all interfaces
};

// Makes the whole folder: parley.toml, store/, tls/ with a self-signed certificate, run/. Needs no privilege,
// overwrites nothing.
int run_init(const InitOptions& options, const Output& output);

}  // namespace parley::ctl
