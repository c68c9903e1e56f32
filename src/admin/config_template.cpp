#include "admin/config_template.hpp"

#include "admin/config_schema.hpp"

namespace parley::admin {
namespace {

std::string endpoints(const std::vector<std::string>& addresses, std::uint16_t port) {
    std::string out;
    for (const auto& address : addresses)
        out += (out.empty() ? "\"" : ", \"") + Address{address, port, {}}.to_string() + '"';
    return '[' + out + ']';
}

std::string limits() {
    const Limits defaults;
    std::string out;
    for (const auto& spec : limit_specs()) {
        const auto value = spec.get(defaults);
        const auto text = spec.unit == LimitSpec::Unit::duration ? '"' + format_duration(value) + '"'
                          : spec.unit == LimitSpec::Unit::bytes  ? '"' + format_size(value) + '"'
                                                                 : std::to_string(value);
        auto line = "# " + std::string(spec.name) + " = " + text;
        if (line.size() < 42) line.append(42 - line.size(), ' ');
        out += line + " # " + std::string(spec.help) + "\n";
    }
    return out;
}

}  // namespace

Ports Ports::from_base(std::uint16_t base) {
    const auto port = [base](int offset) { return static_cast<std::uint16_t>(base + offset); };
    return {port(22), port(23), port(69), port(70), port(60), port(61), port(80), port(81)};
}

std::string write_config(const ConfigTemplate& v) {
    std::vector<std::string> inside{"127.0.0.1"};
    if (v.loopback6) inside.emplace_back("::1");
    const auto& p = v.ports;
    return "# Configuration of a parley node. It holds what the node needs to start. Users, partners and policies are "
           "in the\n"
           "# store: `parleyctl user --help` and `parleyctl federation --help`; a change there is live at once.\n"
           "#\n"
           "# After a change:  parleyctl config check     says everything that is wrong with this file\n"
           "#                  parleyctl reload           applies it; what needs a restart is named\n"
           "# A relative path is relative to this file. A line that begins with # shows a default.\n"
           "\n"
           "[node]\n"
           "name = \"" +
           v.node_name +
           "\"             # in logs\n"
           "# contact = []                          # who runs it, for partners: \"mailto:xmpp@example.com\"\n"
           "# roles = [\"c2s\", \"s2s\", \"sip\", \"web\"]  # what this node does: users, XMPP partners, SIP partners, "
           "web\n"
           "# shards = 0                            # threads that work for users; 0: one a processor core\n"
           "\n"
           "[store]\n"
           "directory = \"store\"\n"
           "\n"
           "# The domains whose users live here: one [[domain]] each. The certificate is PEM, the leaf first, and "
           "names the domain.\n"
           "# `parleyctl init` made a self-signed one, which clients and partners will warn of: replace it by one of a "
           "CA that they\n"
           "# trust, then `parleyctl reload`. certbot's fullchain.pem and privkey.pem can be named here as they are.\n"
           "[[domain]]\n"
           "name = \"" +
           v.domain +
           "\"\n"
           "certificate = \"" +
           v.certificate +
           "\"\n"
           "key = \"" +
           v.key +
           "\"\n"
           "# rooms = \"conference." +
           v.domain +
           "\"  # rooms for many live at this name (DNS and certificate for XMPP partners); \"\": none\n"
           "\n"
           "# Where we listen: \"address:port\", \"[address]:port\" for IPv6. 0.0.0.0 and [::] are all interfaces. [] "
           "switches off.\n"
           "[listen]\n"
           "c2s = " +
           endpoints(v.addresses, p.c2s) +
           "      # clients; TLS by STARTTLS\n"
           "c2s_tls = " +
           endpoints(v.addresses, p.c2s_tls) +
           "  # clients; TLS from the first byte (XEP-0368)\n"
           "s2s = " +
           endpoints(v.addresses, p.s2s) +
           "      # XMPP partners; TLS by STARTTLS\n"
           "s2s_tls = " +
           endpoints(v.addresses, p.s2s_tls) +
           "  # XMPP partners; TLS from the first byte\n"
           "sip = " +
           endpoints(v.addresses, p.sip) +
           "      # SIP partners over TCP\n"
           "sip_tls = " +
           endpoints(v.addresses, p.sip_tls) +
           "  # SIP partners over TLS\n"
           "web = " +
           endpoints(inside, p.web) +
           "    # web pages and WebSocket; kept free, not served yet\n"
           "admin = " +
           endpoints(inside, p.admin) +
           "  # administration by web; the same; keep it on loopback\n"
           "\n"
           "[dns]\n"
           "# servers = []                          # [\"192.0.2.53\"] or [\"127.0.0.1:5353\"]; none: those of the "
           "system\n"
           "# trust_anchor = \"\"                     # \"/usr/share/dns/root.key\", or another file of DS or DNSKEY\n"
           "                                        # records: answers are validated (DNSSEC), and TLSA records prove\n"
           "                                        # the certificates of partners (DANE); none: neither\n"
           "# unsigned = []                         # [\"corp.example\"]: domains that are never validated, such as\n"
           "                                        # inner ones that the rest of the world does not know\n"
           "\n"
           "# Whose certificates we trust.\n"
           "[tls]\n"
           "# trust_file = \"tls/roots.pem\"          # certificates of further CAs, PEM\n"
           "# trust_system = true                   # the CAs of the operating system count too\n"
           "\n"
           "# What holds for all partners; the rules of each are in the store.\n"
           "[federation]\n"
           "# posh = false                          # XMPP partners may prove their certificates by POSH (RFC 7711), "
           "beside\n"
           "                                        # a trusted CA and [dns] trust_anchor: parley asks\n"
           "                                        # https://DOMAIN/.well-known/posh/xmpp-server.json\n"
           "# disclose_reasons = true               # who is refused is told why, with a reference for `parleyctl\n"
           "                                        # federation refusals`; false: the reference alone\n"
           "\n"
           "[sip]\n"
           "# host = \"sip." +
           v.domain +
           "\"  # our name in Contact and Record-Route, in DNS and in the certificate\n"
           "# subscription = \"1h\"                   # how long a presence subscription lasts before it is refreshed\n"
           "# session_idle = \"10m\"                  # an IM session ends after this time without a message\n"
           "\n"
           "# What users decide about who may see and reach them.\n"
           "[policy]\n"
           "# third_party_decisions_count = false   # a yes or no in any client also goes into its user's list\n"
           "\n"
           "[log]\n"
           "level = \"info\"                          # debug, info, warning or error\n"
           "# file = \"\"                             # \"log/parley.log\"; empty: standard error\n"
           "\n"
           "# What one peer may cost us. Defaults are sound; sizes as 16384 or \"16 KiB\", times as \"30s\" or "
           "\"10m\".\n"
           "[limits]\n" +
           limits();
}

}  // namespace parley::admin
