#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "gateway/profile.hpp"
#include "im/federation_policy.hpp"
#include "net/connection.hpp"

namespace parley::gateway {

// One address to dial.
struct SipTarget {
    net::Endpoint endpoint;
    std::string host;  // that we were told to dial: what its certificate may name, and SNI
    bool tls = true;
};

// "host:port", "[address]:port" or a host alone.
struct HostPort {
    std::string host;
    std::uint16_t port = 0;  // 0: none was given
};
HostPort parse_host_port(std::string_view text);

// Is who answered there the partner that we meant? By the names that its kind is known by (Profile::identity), those of
// its rule, and never without a trusted certificate where TLS was asked for.
enum class Answered { right, no_certificate, untrusted, other_name };
Answered who_answered(const net::TlsInfo* tls, const SipTarget& target, const im::DomainRule& rule);
// What its certificate should have named.
std::string name_expected(const SipTarget& target, const im::DomainRule& rule);

// Where a SIP domain is: its configured next hop; or SRV by the profile's names, the first that exists; or the domain
// itself (RFC 3263 4). Instead of the last: the next hop of its clearing house, or the SRV of that, where the partner's
// kind has one. Without TLS only where the rule says so. One thread.
class SipTargetSearch : public std::enable_shared_from_this<SipTargetSearch> {
public:
    using Found = Function<void(Result<std::deque<SipTarget>>)>;
    // Dropping the result cancels the search. `house`: the rule of the clearing house (foreign_domain.hpp).
    static std::shared_ptr<SipTargetSearch> start(net::Network& network, Executor& executor, Random& random,
                                                  std::string domain, const im::DomainRule& rule, Found found,
                                                  const im::DomainRule& house = {});

private:
    SipTargetSearch(net::Network& network, Executor& executor, Random& random, std::string domain, Found found)
        : network_(network),
          executor_(executor),
          random_(random),
          domain_(std::move(domain)),
          found_(std::move(found)) {}
    bool has_next_hop(const im::DomainRule& rule);
    void ask_next();
    void ask_house();
    void answered(const SrvName& name, Result<net::DnsAnswer<net::SrvRecord>> answer);
    void resolve_next();
    void finish(Result<std::deque<SipTarget>> result);

    net::Network& network_;
    Executor& executor_;
    Random& random_;
    std::string domain_, asked_, profile_, last_error_;
    Found found_;
    std::deque<SrvName> names_;
    im::DomainRule house_;
    bool plain_ = false;  // plain TCP to the domain itself may be tried
    std::deque<SipTarget> candidates_, targets_;
};

}  // namespace parley::gateway
