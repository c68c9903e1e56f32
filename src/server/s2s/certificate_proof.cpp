#include "server/s2s/certificate_proof.hpp"

#include <algorithm>

#include "net/dane.hpp"
#include "net/identity.hpp"

namespace parley::server {
namespace {

constexpr std::size_t most_named = 2;  // records in a sentence

CertificateJudgement unproven(std::string problem) {
    return {ProvenBy::nothing, false, std::move(problem)};
}

// RFC 7673 4.1: the name of a target that DNSSEC vouches for is as good as that of the domain.
bool names_target(const net::PeerCertificate& certificate, const SecureTarget* target) {
    return target != nullptr && net::names_xmpp_domain(certificate, target->host);
}

std::string describe(const std::vector<net::TlsaRecord>& records) {
    std::string out;
    for (std::size_t i = 0; i < records.size() && i < most_named; ++i) {
        auto text = net::to_string(records[i]);
        if (text.size() > 70) text = text.substr(0, 70) + "...";
        out += (i == 0 ? "" : ", ") + text;
    }
    return records.size() > most_named ? out + ", ..." : out;
}

}  // namespace

std::string_view word_for(ProvenBy by) {
    switch (by) {
        case ProvenBy::pkix: return "pkix";
        case ProvenBy::dane: return "dane";
        case ProvenBy::posh: return "posh";
        case ProvenBy::nothing: break;
    }
    return "none";
}

CertificateJudgement judge_by_tlsa(const net::Connection& connection, const net::TlsContext& context,
                                   const std::string& domain, const SecureTarget& target, bool as_client) {
    const auto contradicted = [&](const std::string& why) {
        return CertificateJudgement{ProvenBy::nothing, true,
                                    "the certificate of " + domain + " is not the one that DNS names (DANE, " +
                                        net::tlsa_name(target.host, target.port) + " TLSA " + describe(target.tlsa) +
                                        "): " + why};
    };
    const auto* tls = connection.tls();
    if (tls == nullptr || !tls->peer) return contradicted("none was shown");
    const auto verdict = net::check_tlsa(target.tlsa, connection.peer_certificates(), context, as_client);
    if (!verdict.matches) return contradicted(verdict.detail);
    if (verdict.name_counts && !net::names_xmpp_domain(*tls->peer, domain) && !names_target(*tls->peer, &target))
        return contradicted("it names " + net::describe_names(*tls->peer));
    return {ProvenBy::dane};
}

bool names_partner(const net::PeerCertificate& certificate, const im::DomainRule& rule) {
    return net::names_xmpp_domain(certificate, rule.domain) ||
           std::any_of(rule.tls_names.begin(), rule.tls_names.end(),
                       [&](const auto& name) { return net::names_xmpp_domain(certificate, name); });
}

CertificateJudgement judge_certificate(const net::Connection& connection, const net::TlsContext& context,
                                       const im::DomainRule& rule, const SecureTarget* target) {
    const auto& domain = rule.domain;
    if (target != nullptr && !target->tlsa.empty()) return judge_by_tlsa(connection, context, domain, *target, false);
    const auto* tls = connection.tls();
    if (tls == nullptr || !tls->peer) return unproven(domain + " showed no certificate");
    if (!tls->peer->trusted)
        return unproven("the certificate of " + domain + " is not trusted: " + tls->peer->trust_error);
    if (!names_partner(*tls->peer, rule) && !names_target(*tls->peer, target)) {
        auto problem = "the certificate does not name " + domain;
        if (!tls->peer->dns_names.empty()) problem += " but " + tls->peer->dns_names.front();
        return unproven(std::move(problem));
    }
    return {ProvenBy::pkix};
}

}  // namespace parley::server
