#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/random.hpp"
#include "im/federation_policy.hpp"
#include "net/connection.hpp"
#include "server/s2s/certificate_proof.hpp"

namespace parley::server {

// One address to try.
struct Target {
    net::Endpoint endpoint;
    std::string host;
    bool direct_tls = false;
    bool second_try = false;                       // the same port again, in another way
    std::shared_ptr<const SecureTarget> secure{};  // nullptr: DNS is not secure on the way there
};

// Where a foreign domain's XMPP server is (RFC 6120 3.2, XEP-0368): SRV of both kinds mixed by priority and weight,
// each with all its addresses; without SRV the domain itself on port 5269; a configured next hop instead of all that.
// Where SRV and address are secure, the target's TLSA records are asked for (RFC 7673 3); what DNSSEC shows to be false
// leads nowhere.
class TargetSearch : public std::enable_shared_from_this<TargetSearch> {
public:
    using Found = Function<void(Result<std::deque<Target>>)>;
    // Destroying the result before `found` has run cancels it.
    static std::shared_ptr<TargetSearch> start(net::Network& network, Executor& executor, Random& random,
                                               const std::string& domain, const im::DomainRule& rule, Found found);

private:
    struct Candidate {
        net::SrvRecord record;
        bool direct_tls;
        bool secure;  // the record
    };
    void asked(bool direct_tls, Result<net::DnsAnswer<net::SrvRecord>> answer);
    void order();
    void resolve_next();
    void addresses_found(const Candidate& candidate, Result<net::DnsAnswer<std::string>> answer);
    void ask_tlsa(const Candidate& candidate, std::vector<std::string> addresses);
    void add(const Candidate& candidate, const std::vector<std::string>& addresses,
             std::shared_ptr<const SecureTarget> secure);
    void finish(Result<std::deque<Target>> result);

    TargetSearch(net::Network& network, Executor& executor, Random& random, std::string domain,
                 const im::DomainRule& rule, Found found)
        : network_(network),
          executor_(executor),
          random_(random),
          domain_(std::move(domain)),
          tls_(rule.tls != im::TlsPolicy::off),
          direct_tls_(tls_ && rule.direct_tls),
          found_(std::move(found)) {}

    net::Network& network_;
    Executor& executor_;
    Random& random_;
    std::string domain_;
    bool tls_, direct_tls_;
    Found found_;
    int open_questions_ = 0;
    bool absent_ = false;
    std::optional<Error> dns_error_, bogus_;
    net::DnsAnswer<net::SrvRecord> plain_, direct_;
    std::deque<Candidate> candidates_;
    std::deque<Target> targets_;
    std::string host_error_;
};

}  // namespace parley::server
