#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace parley::admin {

// The ports of a node. With a base N they are N+22 c2s, N+23 c2s direct TLS, N+69 s2s, N+70 s2s direct TLS, N+60
// SIP/TCP, N+61 SIP/TLS, N+80 web and WebSocket, N+81 administration; else the standard ones.
struct Ports {
    std::uint16_t c2s = 5222, c2s_tls = 5223, s2s = 5269, s2s_tls = 5270, sip = 5060, sip_tls = 5061, web = 5280,
                  admin = 5281;
    static Ports from_base(std::uint16_t base);
    bool operator==(const Ports&) const = default;
};
inline constexpr std::uint16_t highest_port_base = 65535 - 81;

struct ConfigTemplate {
    std::string domain;
    std::string node_name;
    Ports ports;
    std::vector<std::string> addresses{"0.0.0.0",
                                       "::"};  // for c2s, s2s and SIP; web and administration are on loopback
    bool loopback6 = true;                     // this machine has ::1
    std::string certificate, key;              // relative to the folder
};

// A configuration that starts as it is and explains itself: every key is in it, those that keep their default as
// comments.
std::string write_config(const ConfigTemplate& values);

}  // namespace parley::admin
