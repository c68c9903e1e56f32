#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "xmpp/stanza.hpp"

namespace parley::im {

// `automatic`: as the domain's DNS says (partner_transports.hpp).
enum class Transport { automatic, xmpp, sip };
enum class TlsPolicy { off, optional, required };

// What an administrator has said of one foreign domain (requirements D1). A rule names the domain itself, and its
// subdomains only where it says so.
struct DomainRule {
    std::string domain;
    bool allowed = true;
    Transport transport = Transport::automatic;
    std::string profile;  // partner kind: "xmpp", "simple", "ocs", ...; empty: the transport's plain one
    TlsPolicy tls = TlsPolicy::required;
    bool dialback = false;            // XMPP: dialback may prove this domain (inside TLS)
    bool plain_dialback = false;      // and over plain TCP, with tls = off or optional
    bool trusted_certificate = true;  // XMPP: without dialback a certificate that leads to a trusted root is demanded
    bool external_in = true;          // XMPP: the partner may prove itself by its certificate (SASL EXTERNAL)
    bool external_out = true;         // XMPP: we prove ourselves by ours where that is offered
    bool ask_certificate = true;      // XMPP: a partner that connects to us is asked for its certificate
    bool direct_tls = true;           // XMPP: ports where TLS comes first (XEP-0368) are used
    bool bidi = true;                 // XMPP: stanzas go both ways on one stream where the partner can (XEP-0288)
    std::string release;              // XMPP: what the partner runs, as its administrator says: "8.6"; may be empty
    std::string next_hop;             // "host:port" instead of DNS
    bool next_hop_tls = true;         // SIP: TLS or TCP to the next hop
    // SIP: the partner's administrator has us on a list, so that it does not limit how fast we ask. A next hop says the
    // same.
    bool trusted_by_partner = false;
    // SIP: until then this partner may speak TLS 1.0 with RSA key exchange and AES-CBC. Never, when it is zero.
    TimePoint legacy_tls_until{};
    // SIP, AOL's kind: the domain whose route leads to those that DNS does not know; empty: the kind's own.
    std::string clearing_house;
    bool mail_names = true;              // SIP, AOL's kind: people called user(mail.example) are let in and out
    std::vector<std::string> tls_names;  // further names that its certificate may have
    std::string comment;
    // Whose people may send of their own accord (begins() below): theirs to ours, ours to theirs. Answers and the
    // presence of those who may be seen go both ways.
    bool inbound = true, outbound = true;
    bool subdomains = false;  // it is about those too, as far as they have no rule of their own
    bool has_legacy_tls() const { return legacy_tls_until != TimePoint{}; }
    bool legacy_tls(TimePoint now) const { return allowed && now < legacy_tls_until; }
    bool operator==(const DomainRule&) const = default;
};

// Requirement D1: SIP domains by an allow-list only; XMPP by a default with exceptions.
struct FederationPolicy {
    bool xmpp_default_allowed = false;
    std::map<std::string, DomainRule, std::less<>> rules;

    // Its own, or that of the nearest parent that is about its subdomains.
    const DomainRule* rule(std::string_view domain) const;
    // An administrator has named this very domain. There are as many of these as rules, while the subdomains that a
    // rule is about are as many as anybody makes up: what is kept for each domain is kept for these.
    bool names(std::string_view domain) const { return rules.contains(domain); }
    // May people of that domain send to ours of their own accord, or ours to them? Where exchange is allowed at all.
    bool may_begin(std::string_view domain, bool inbound) const;
    bool xmpp_allowed(std::string_view domain) const;
    bool sip_allowed(
        std::string_view domain) const;  // needs a rule that allows it and whose transport is sip or automatic
    // Which way a message to this domain goes; nothing when it is not allowed at all.
    std::optional<Transport> route(std::string_view domain) const;
    // The rule's settings, or the defaults for a domain that is allowed without one.
    DomainRule settings(std::string_view domain) const;
};

// A message, a request to see somebody's presence, an IQ request: what somebody sends of one's own accord.
bool begins(const xmpp::Stanza& stanza);

}  // namespace parley::im
