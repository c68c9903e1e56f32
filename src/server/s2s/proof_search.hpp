#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/executor.hpp"
#include "server/s2s/certificate_proof.hpp"

namespace parley::server {

class PoshDocuments;

// Whether the certificate with which a partner came to us is one that its domain publishes: in the TLSA records of the
// servers that its SRV records name (RFC 7673, RFC 7712 5.1), else in its POSH document. All of it must be validated by
// DNSSEC; the addresses do not matter, since nobody is connected to. One thread.
class ProofSearch : public std::enable_shared_from_this<ProofSearch> {
public:
    static constexpr int most_at_once = 64;  // in the process; who comes then is proven by nothing
    struct Question {
        net::Network& network;
        Executor& executor;
        const net::Connection& connection;  // outlives the search
        std::shared_ptr<net::TlsContext> context;
        std::string domain;
        bool dnssec = false;            // look for TLSA records
        PoshDocuments* posh = nullptr;  // look for a POSH document
    };
    // Destroying the result before `found` has run cancels it. `found` runs later, within `patience`.
    using Found = Function<void(CertificateJudgement)>;
    static constexpr Millis patience{10'000};
    static std::shared_ptr<ProofSearch> start(Question question, Found found);
    ~ProofSearch();
    ProofSearch(const ProofSearch&) = delete;
    ProofSearch& operator=(const ProofSearch&) = delete;

private:
    ProofSearch(Question question, Found found);
    void ask_srv();
    void srv_answered(const Result<net::DnsAnswer<net::SrvRecord>>& answer);
    void ask_tlsa();
    void tlsa_answered(SecureTarget target, Result<net::DnsAnswer<net::TlsaRecord>> answer);
    void ask_posh();
    void finish(CertificateJudgement judgement);

    const Question question_;
    Found found_;
    int open_questions_ = 0;
    std::vector<SecureTarget> targets_;
    std::optional<CertificateJudgement> against_;  // why it is not proven, if something speaks against it
    Timer deadline_;
};

}  // namespace parley::server
