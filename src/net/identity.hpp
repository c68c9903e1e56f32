#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/connection.hpp"

namespace parley::net {

// Does a certificate name whom we mean? Pure functions over its names; whether the chain is trusted is
// PeerCertificate::trusted. Domains are compared as A-labels, without regard to case or a trailing dot; U-labels are
// converted.

// XMPP (RFC 6120 13.7.1.2 with RFC 6125 / RFC 9525): dNSName (the whole left-most label may be "*"), SRVName
// "_xmpp-server.<domain>" (or "_xmpp-client." for our own certificate), xmppAddr equal to the domain. Never the CN.
bool names_xmpp_domain(const PeerCertificate& certificate, std::string_view domain);

// SIP (RFC 5922 7.1, 7.2): URI "sip:<domain>" without a user part; if there is none such, dNSName equal; no wildcard.
// The CN counts only when there is neither a dNSName nor a URI.
bool names_sip_domain(const PeerCertificate& certificate, std::string_view domain);
// All domains it names by the same rules, lower case.
std::vector<std::string> sip_domains(const PeerCertificate& certificate);

// A host by name, as partners with an edge server are recognised: a dNSName or the CN is one of `accepted`. No
// wildcard.
bool names_host(const PeerCertificate& certificate, const std::vector<std::string>& accepted);

// A web server (RFC 9110 4.3.4): a dNSName is the host, or a wildcard for its left-most label.
bool names_web_host(const PeerCertificate& certificate, std::string_view host);

// For people: "sip.example.com, example.com", at most four names; "nobody" when it has none.
std::string describe_names(const PeerCertificate& certificate);

// IDN to A-labels, lower case, no trailing dot; empty when `domain` is no domain name.
std::string to_ascii_domain(std::string_view domain);

}  // namespace parley::net
