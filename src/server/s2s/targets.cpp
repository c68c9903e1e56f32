#include "server/s2s/targets.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "net/srv.hpp"

namespace parley::server {
namespace {

constexpr std::uint16_t server_port = 5269;
// A peer's DNS decides how many we look for and try: not without a limit.
constexpr std::size_t most_targets = 16;
constexpr std::size_t most_candidates = 32;

}  // namespace

std::shared_ptr<TargetSearch> TargetSearch::start(net::Network& network, Executor& executor, Random& random,
                                                  const std::string& domain, const im::DomainRule& rule, Found found) {
    std::shared_ptr<TargetSearch> search(new TargetSearch(network, executor, random, domain, rule, std::move(found)));
    if (!rule.next_hop.empty()) {
        const auto colon = rule.next_hop.rfind(':');
        net::SrvRecord record;
        const bool has_port = colon != std::string::npos && rule.next_hop.find(']', colon) == std::string::npos;
        record.target =
            std::string(trim(std::string_view(rule.next_hop).substr(0, has_port ? colon : rule.next_hop.size()), "[]"));
        record.port =
            has_port
                ? parse_number<std::uint16_t>(std::string_view(rule.next_hop).substr(colon + 1)).value_or(server_port)
                : server_port;
        search->candidates_.push_back({record, false, false});
        search->resolve_next();
        return search;
    }
    search->open_questions_ = search->direct_tls_ ? 2 : 1;
    const auto ask = [&](const char* prefix, bool direct_tls) {
        network.resolve_srv(executor, prefix + domain,
                            [weak = std::weak_ptr(search), direct_tls](Result<net::DnsAnswer<net::SrvRecord>> answer) {
                                if (const auto self = weak.lock()) self->asked(direct_tls, std::move(answer));
                            });
    };
    ask("_xmpp-server._tcp.", false);
    if (search->direct_tls_) ask("_xmpps-server._tcp.", true);
    return search;
}

void TargetSearch::asked(bool direct_tls, Result<net::DnsAnswer<net::SrvRecord>> answer) {
    if (!answer)
        (answer.error().code == Errc::forbidden ? bogus_ : dns_error_) = answer.error();
    else if (net::decidedly_absent(answer->records))
        absent_ = absent_ || !direct_tls;
    else
        (direct_tls ? direct_ : plain_) = *std::move(answer);
    if (--open_questions_ == 0) order();
}

void TargetSearch::order() {
    // RFC 7673 3.1: somebody lies to us; whatever else there is may be part of it.
    if (bogus_) return finish(Error{Errc::timed_out, bogus_->detail});
    if (plain_.records.empty() && direct_.records.empty()) {
        if (absent_) return finish(Error{Errc::not_found, domain_ + " says in DNS that it has no XMPP server"});
        if (dns_error_)
            return finish(Error{Errc::timed_out,
                                "DNS gave no answer about _xmpp-server._tcp." + domain_ + ": " + dns_error_->detail});
        net::SrvRecord record;
        record.target = domain_;
        record.port = server_port;
        candidates_.push_back({record, false, false});
        return resolve_next();
    }
    // XEP-0368 3: both kinds are one list. A record's kind rides along in the target, which no host name can hold.
    auto all = plain_.records;
    for (auto record : direct_.records) {
        record.target += '\n';
        all.push_back(std::move(record));
    }
    for (auto& record : net::in_order_of_trial(std::move(all), random_)) {
        const bool direct = !record.target.empty() && record.target.back() == '\n';
        if (direct) record.target.pop_back();
        candidates_.push_back({std::move(record), direct, tls_ && (direct ? direct_ : plain_).secure});
        if (candidates_.size() == most_candidates) break;
    }
    resolve_next();
}

void TargetSearch::resolve_next() {
    if (candidates_.empty() || targets_.size() >= most_targets) {
        if (targets_.empty())
            return finish(Error{Errc::not_found, "no address was found for " + domain_ +
                                                     (host_error_.empty() ? "" : ": " + host_error_)});
        return finish(std::move(targets_));
    }
    const auto candidate = candidates_.front();
    candidates_.pop_front();
    network_.resolve_host(executor_, candidate.record.target,
                          [weak = weak_from_this(), candidate](Result<net::DnsAnswer<std::string>> answer) {
                              if (const auto self = weak.lock()) self->addresses_found(candidate, std::move(answer));
                          });
}

void TargetSearch::addresses_found(const Candidate& candidate, Result<net::DnsAnswer<std::string>> answer) {
    const auto& host = candidate.record.target;
    if (!answer || answer->records.empty()) {
        host_error_ = host + " has no address" + (answer ? "" : " (" + answer.error().detail + ")");
        return resolve_next();
    }
    if (!candidate.secure) return add(candidate, answer->records, nullptr);
    if (!answer->secure)  // RFC 7673 3.2: no TLSA query then; the name counts all the same (4.1)
        return add(candidate, answer->records,
                   std::make_shared<const SecureTarget>(SecureTarget{host, candidate.record.port}));
    ask_tlsa(candidate, std::move(answer->records));
}

void TargetSearch::ask_tlsa(const Candidate& candidate, std::vector<std::string> addresses) {
    const auto name = net::tlsa_name(candidate.record.target, candidate.record.port);
    network_.resolve_tlsa(
        executor_, name,
        [weak = weak_from_this(), candidate, name,
         addresses = std::move(addresses)](Result<net::DnsAnswer<net::TlsaRecord>> answer) {
            const auto self = weak.lock();
            if (!self) return;
            if (!answer) {  // RFC 7673 3.4: no connection there, or whoever hides the records had his way
                self->host_error_ =
                    "whether " + name + " has TLSA records is not known (" + answer.error().detail + ")";
                return self->resolve_next();
            }
            SecureTarget secure{candidate.record.target, candidate.record.port};
            if (answer->secure) secure.tlsa = net::usable(std::move(answer->records));
            self->add(candidate, addresses, std::make_shared<const SecureTarget>(std::move(secure)));
        });
}

void TargetSearch::add(const Candidate& candidate, const std::vector<std::string>& addresses,
                       std::shared_ptr<const SecureTarget> secure) {
    for (const auto& address : addresses)
        targets_.push_back(
            {{address, candidate.record.port}, candidate.record.target, candidate.direct_tls, false, secure});
    resolve_next();
}

void TargetSearch::finish(Result<std::deque<Target>> result) {
    const auto self = shared_from_this();  // `found_` may drop the last other owner
    if (const auto found = std::move(found_)) found(std::move(result));
}

}  // namespace parley::server
