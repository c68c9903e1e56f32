#include "net/identity.hpp"

#include <algorithm>

#include <idn2.h>

#include "base/text.hpp"

namespace parley::net {
namespace {

constexpr std::size_t max_domain = 255;

bool ascii_name(std::string_view name) {
    return std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
               c == '_';
    });
}

// A pattern is a name in which the left-most label may be "*" and stands for exactly one label. At least two labels
// must follow: nobody owns all of a top level domain.
bool matches(std::string_view pattern, std::string_view domain) {
    if (pattern.ends_with('.')) pattern.remove_suffix(1);
    if (equal_ignoring_case(pattern, domain)) return true;
    if (!pattern.starts_with("*.")) return false;
    const auto rest = pattern.substr(2);
    if (rest.find('.') == std::string_view::npos || rest.find('*') != std::string_view::npos) return false;
    const auto dot = domain.find('.');
    return dot != std::string_view::npos && dot > 0 && equal_ignoring_case(rest, domain.substr(dot + 1));
}

bool equal_host(std::string_view name, std::string_view domain) {
    if (name.ends_with('.')) name.remove_suffix(1);
    return equal_ignoring_case(name, domain);
}

// RFC 5922 7.1: only a sip URI without a user part is an identity of a domain.
std::string_view domain_of_sip_uri(std::string_view uri) {
    constexpr std::string_view scheme = "sip:";
    if (uri.size() <= scheme.size() || !equal_ignoring_case(uri.substr(0, scheme.size()), scheme)) return {};
    uri.remove_prefix(scheme.size());
    if (uri.find('@') != std::string_view::npos) return {};
    uri = uri.substr(0, uri.find_first_of(":;?"));
    return uri.ends_with('.') ? uri.substr(0, uri.size() - 1) : uri;
}

}  // namespace

std::string describe_names(const PeerCertificate& certificate) {
    constexpr std::size_t most = 4;
    auto names = certificate.dns_names;
    names.insert(names.end(), certificate.uris.begin(), certificate.uris.end());
    names.insert(names.end(), certificate.xmpp_addrs.begin(), certificate.xmpp_addrs.end());
    if (names.empty() && !certificate.common_name.empty()) names.push_back(certificate.common_name);
    std::string out;
    for (std::size_t i = 0; i < names.size() && i < most; ++i) out += (i == 0 ? "" : ", ") + names[i];
    if (names.size() > most) out += " and " + std::to_string(names.size() - most) + " more";
    return out.empty() ? "nobody" : out;
}

std::string to_ascii_domain(std::string_view domain) {
    if (domain.ends_with('.')) domain.remove_suffix(1);
    if (domain.empty() || domain.size() > max_domain || domain.find('\0') != std::string_view::npos) return {};
    if (ascii_name(domain)) return to_lower(domain);
    char* ascii = nullptr;
    const std::string text(domain);
    if (::idn2_to_ascii_8z(text.c_str(), &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK) return {};
    std::string out = to_lower(ascii);
    ::idn2_free(ascii);
    return ascii_name(out) ? out : std::string();
}

bool names_xmpp_domain(const PeerCertificate& certificate, std::string_view domain) {
    const auto wanted = to_ascii_domain(domain);
    if (wanted.empty()) return false;
    const auto any = [](const auto& names, auto predicate) {
        return std::any_of(names.begin(), names.end(), predicate);
    };
    return any(certificate.dns_names, [&](const auto& name) { return matches(name, wanted); }) ||
           any(certificate.srv_names,
               [&](const auto& name) {
                   const auto dot = name.find('.');
                   if (dot == std::string::npos) return false;
                   const std::string_view service{name.data(), dot};
                   return (equal_ignoring_case(service, "_xmpp-server") ||
                           equal_ignoring_case(service, "_xmpp-client")) &&
                          equal_host(std::string_view(name).substr(dot + 1), wanted);
               }) ||
           any(certificate.xmpp_addrs, [&](const auto& name) { return to_ascii_domain(name) == wanted; });
}

bool names_web_host(const PeerCertificate& certificate, std::string_view host) {
    const auto wanted = to_ascii_domain(host);
    return !wanted.empty() && std::any_of(certificate.dns_names.begin(), certificate.dns_names.end(),
                                          [&](const auto& name) { return matches(name, wanted); });
}

std::vector<std::string> sip_domains(const PeerCertificate& certificate) {
    std::vector<std::string> out;
    const auto add = [&](std::string_view name) {
        auto domain = ascii_name(name) ? to_ascii_domain(name) : std::string();
        if (!domain.empty() && std::find(out.begin(), out.end(), domain) == out.end()) out.push_back(std::move(domain));
    };
    for (const auto& uri : certificate.uris) add(domain_of_sip_uri(uri));
    if (!out.empty()) return out;  // RFC 5922 7.1: a dNSName counts if and only if no sip URI names a domain
    for (const auto& name : certificate.dns_names) add(name);
    if (out.empty() && certificate.dns_names.empty() && certificate.uris.empty()) add(certificate.common_name);
    return out;
}

bool names_sip_domain(const PeerCertificate& certificate, std::string_view domain) {
    const auto wanted = to_ascii_domain(domain);
    const auto named = sip_domains(certificate);
    return !wanted.empty() && std::find(named.begin(), named.end(), wanted) != named.end();
}

bool names_host(const PeerCertificate& certificate, const std::vector<std::string>& accepted) {
    return std::any_of(accepted.begin(), accepted.end(), [&](const auto& host) {
        const auto wanted = to_ascii_domain(host);
        if (wanted.empty()) return false;
        return equal_host(certificate.common_name, wanted) ||
               std::any_of(certificate.dns_names.begin(), certificate.dns_names.end(),
                           [&](const auto& name) { return equal_host(name, wanted); });
    });
}

}  // namespace parley::net
