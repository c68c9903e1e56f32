#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "im/federation_policy.hpp"
#include "net/connection.hpp"
#include "net/tlsa.hpp"

namespace parley::server {

// By what a certificate is known to be that of the XMPP domain (the prooftypes of RFC 7712 and 7711).
enum class ProvenBy { nothing, pkix, dane, posh };
// The word under which im::PartnerOverview has it: "none", "pkix", "dane", "posh".
std::string_view word_for(ProvenBy by);

// A server to which DNSSEC has led us (RFC 7673): the SRV record that names it is genuine.
struct SecureTarget {
    std::string host;
    std::uint16_t port = 0;
    std::vector<net::TlsaRecord> tlsa{};  // genuine and usable; empty: its certificate is judged as any other
};

struct CertificateJudgement {
    ProvenBy by = ProvenBy::nothing;
    bool contradicted = false;  // genuine TLSA records name others: no other proof counts
    std::string problem{};      // unless it is proven, in words
};

// It names the domain of the rule (FederationPolicy::settings() of this very domain), or what an administrator has said
// that this partner's certificate may name.
bool names_partner(const net::PeerCertificate& certificate, const im::DomainRule& rule);

// Of the certificate that a server of the rule's domain has shown us, which is why we asked it. `target` is nullptr
// when DNS is not secure, and then a certificate of a trusted CA for the domain is the only proof.
CertificateJudgement judge_certificate(const net::Connection& connection, const net::TlsContext& context,
                                       const im::DomainRule& rule, const SecureTarget* target);

// The same by the TLSA records of one target alone, of which there are some. `as_client`: the peer came to us.
CertificateJudgement judge_by_tlsa(const net::Connection& connection, const net::TlsContext& context,
                                   const std::string& domain, const SecureTarget& target, bool as_client);

}  // namespace parley::server
