#include "gateway/federation/targets.hpp"

#include "base/text.hpp"
#include "net/identity.hpp"
#include "net/srv.hpp"

namespace parley::gateway {
namespace {

constexpr std::size_t most_targets = 16;  // the peer's DNS decides how many we try: not without a limit
constexpr std::uint16_t tls_port = 5061, tcp_port = 5060;

}  // namespace

HostPort parse_host_port(std::string_view text) {
    const auto colon = text.rfind(':');
    const auto bracket = text.rfind(']');
    const bool one_colon = colon != std::string_view::npos && text.find(':') == colon;
    const bool has_port =
        colon != std::string_view::npos && (bracket == std::string_view::npos ? one_colon : colon > bracket);
    HostPort result;
    result.host = std::string(trim(text.substr(0, has_port ? colon : text.size()), "[]"));
    if (has_port) result.port = parse_number<std::uint16_t>(text.substr(colon + 1)).value_or(0);
    return result;
}

namespace {

// The host's name proves the domain only where the profile or the administrator said which host it is: an SRV answer
// may be forged.
bool known_by_host(const im::DomainRule& rule) {
    return profile_or_simple(rule.profile).identity == IdentityRule::host || !rule.next_hop.empty();
}

}  // namespace

Answered who_answered(const net::TlsInfo* tls, const SipTarget& target, const im::DomainRule& rule) {
    if (!target.tls) return Answered::right;  // the rule asked for plain TCP
    if (!tls || !tls->peer) return Answered::no_certificate;
    const auto& certificate = *tls->peer;
    if (!certificate.trusted) return Answered::untrusted;
    const bool by_domain = profile_or_simple(rule.profile).identity == IdentityRule::domain;
    if (by_domain && net::names_sip_domain(certificate, rule.domain)) return Answered::right;
    if (net::names_host(certificate, rule.tls_names)) return Answered::right;
    if (known_by_host(rule) && net::names_host(certificate, {target.host})) return Answered::right;
    return Answered::other_name;
}

std::string name_expected(const SipTarget& target, const im::DomainRule& rule) {
    return known_by_host(rule) ? target.host : rule.domain;
}

std::shared_ptr<SipTargetSearch> SipTargetSearch::start(net::Network& network, Executor& executor, Random& random,
                                                        std::string domain, const im::DomainRule& rule, Found found,
                                                        const im::DomainRule& house) {
    std::shared_ptr<SipTargetSearch> search(
        new SipTargetSearch(network, executor, random, std::move(domain), std::move(found)));
    search->asked_ = search->domain_;
    search->house_ = house;
    if (search->has_next_hop(rule)) return search;
    search->profile_ = rule.profile;
    for (const auto& name : profile_or_simple(rule.profile).srv)
        if (name.tls ? rule.tls != im::TlsPolicy::off : rule.tls != im::TlsPolicy::required)
            search->names_.push_back(name);
    search->plain_ = rule.tls == im::TlsPolicy::off;
    search->ask_next();
    return search;
}

bool SipTargetSearch::has_next_hop(const im::DomainRule& rule) {
    if (rule.next_hop.empty()) return false;
    const auto hop = parse_host_port(rule.next_hop);
    const auto port = hop.port != 0 ? hop.port : rule.next_hop_tls ? tls_port : tcp_port;
    candidates_.push_back({{{}, port}, hop.host, rule.next_hop_tls});
    resolve_next();
    return true;
}

// The same again for the clearing house, which knows where this domain is.
void SipTargetSearch::ask_house() {
    const auto house = std::exchange(house_, {});
    if (has_next_hop(house)) return;
    asked_ = net::to_ascii_domain(house.domain);
    for (const auto& name : profile_or_simple(profile_).srv)
        if (name.tls) names_.push_back(name);
    ask_next();
}

void SipTargetSearch::ask_next() {
    if (names_.empty() && !house_.domain.empty()) return ask_house();
    if (names_.empty() && asked_ != domain_) {
        last_error_ = "neither it nor " + asked_ + ", its clearing house, has a service record";
        return resolve_next();
    }
    if (names_.empty()) {
        candidates_.push_back({{{}, plain_ ? tcp_port : tls_port}, domain_, !plain_});
        return resolve_next();
    }
    const auto name = names_.front();
    names_.pop_front();
    network_.resolve_srv(executor_, std::string(name.prefix) + "." + asked_,
                         [weak = weak_from_this(), name](Result<net::DnsAnswer<net::SrvRecord>> answer) {
                             if (const auto self = weak.lock()) self->answered(name, std::move(answer));
                         });
}

void SipTargetSearch::answered(const SrvName& name, Result<net::DnsAnswer<net::SrvRecord>> answer) {
    if (!answer) last_error_ = answer.error().detail;
    // A service that is decidedly not offered this way may be offered another way.
    if (!answer || answer->records.empty() || net::decidedly_absent(answer->records)) return ask_next();
    for (auto& record : net::in_order_of_trial(std::move(answer->records), random_))
        candidates_.push_back({{{}, record.port}, record.target, name.tls});
    resolve_next();
}

void SipTargetSearch::resolve_next() {
    if (candidates_.empty() || targets_.size() >= most_targets) {
        if (targets_.empty())
            return finish(Error{Errc::not_found, "no address was found for " + domain_ +
                                                     (last_error_.empty() ? "" : ": " + last_error_)});
        return finish(std::move(targets_));
    }
    const auto candidate = candidates_.front();
    candidates_.pop_front();
    network_.resolve_host(executor_, candidate.host,
                          [weak = weak_from_this(), candidate](Result<net::DnsAnswer<std::string>> answer) {
                              const auto self = weak.lock();
                              if (!self) return;
                              if (!answer || answer->records.empty())
                                  self->last_error_ = candidate.host + " has no address";
                              else
                                  for (const auto& address : answer->records) {
                                      auto target = candidate;
                                      target.endpoint.address = address;
                                      self->targets_.push_back(std::move(target));
                                  }
                              self->resolve_next();
                          });
}

void SipTargetSearch::finish(Result<std::deque<SipTarget>> result) {
    const auto self = shared_from_this();  // `found_` may drop the last other owner
    if (const auto found = std::move(found_)) found(std::move(result));
}

}  // namespace parley::gateway
