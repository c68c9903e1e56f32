#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"

namespace parley::net {

struct SelfSignedSettings {
    std::vector<std::string> domains{};  // A- or U-labels; the first is the subject's CN
    std::string certificate_file{};      // PEM, replaced if it exists
    std::string key_file{};              // PEM, mode 0600
    int days_valid = 3650;
    int starts_in_days = 0;  // negative: in the past (tests)
    // Beside domain, sip.<domain> and the xmppAddr: as they are, for tests and for partners with odd wishes. Each is an
    // OpenSSL subjectAltName part: "DNS:host.example", "URI:sip:example.com",
    // "otherName:1.3.6.1.5.5.7.8.7;IA5:_xmpp-server.example.com".
    std::vector<std::string> more_names{};
    bool names_of_domains = true;  // false: only `more_names`
};

// Makes a P-256 key and a certificate for it that it signs itself, good for servers and for clients: SANs are for each
// domain its dNSName, sip.<domain>, and its xmppAddr. The key never exists with a mode wider than 0600.
Result<> make_self_signed(const SelfSignedSettings& settings);

}  // namespace parley::net
