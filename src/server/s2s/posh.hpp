#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/executor.hpp"
#include "net/https_get.hpp"
#include "server/s2s/certificate_proof.hpp"
#include "server/s2s/posh_document.hpp"

namespace parley::server {

// The POSH documents of partners (RFC 7711), for the whole process: asked of their web servers when a certificate needs
// them, one question a domain at a time, kept as long as they say, within bounds. A failure is remembered for a moment.
class PoshDocuments {
public:
    static constexpr std::size_t most_at_once = 16;   // domains that are asked
    static constexpr std::size_t most_waiting = 256;  // questions about them
    static constexpr std::size_t most_kept = 1'000;   // domains
    static constexpr Millis patience{6'000};          // with one domain, all its requests together
    static constexpr Seconds shortest{60}, longest{86'400}, after_failure{60};

    using Context = std::function<std::shared_ptr<net::TlsContext>()>;
    // Works on `executor`; `context` gives the roots that web servers must lead to, from that thread. The executor is
    // stopped before this is destroyed.
    PoshDocuments(net::Network& network, Executor& executor, Context context);
    ~PoshDocuments();
    PoshDocuments(const PoshDocuments&) = delete;
    PoshDocuments& operator=(const PoshDocuments&) = delete;

    void shut_down();  // on `executor`: nobody is asked any more; before the network goes

    using Document = std::shared_ptr<const PoshDocument>;  // never a reference
    // From any thread; `found` runs on `asker`, later, within `patience`. Errc::not_found: the domain has
    // no such document.
    void find(Executor& asker, const std::string& domain, Function<void(Result<Document>)> found);

private:
    struct Asker {
        Executor* executor;
        Function<void(Result<Document>)> found;
    };
    struct Domain {
        std::shared_ptr<net::HttpsGet> get;  // under way
        Timer deadline;
        int requests_left = 0;
        Seconds expires{0};  // of the reference that led on
        bool by_reference = false;
        std::vector<Asker> askers;
        Result<Document> result = Document{};
        SteadyTime until{};
    };
    void look_up(const std::string& name, Asker asker);
    void ask(const std::string& name, const net::HttpsUrl& url);
    void answered(const std::string& name, Result<net::HttpAnswer> answer);
    void follow(const std::string& name, const std::string& url);
    void settle(const std::string& name, Result<Document> result, Seconds keep);
    void make_room();

    net::Network& network_;
    Executor& executor_;
    Context context_;
    std::map<std::string, Domain> domains_;  // on executor_
    std::size_t asking_ = 0, waiting_ = 0;
    bool ended_ = false;
};

// What such a document makes of the certificate that was shown: proven, or why not. RFC 7711 6: never outside its
// dates.
CertificateJudgement judge_by_posh(const net::Connection& connection, const std::string& domain,
                                   const Result<PoshDocuments::Document>& document, const CertificateJudgement& before);

}  // namespace parley::server
