#include "server/s2s/targets.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "net/srv.hpp"

namespace parley::server {
namespace {

constexpr std::uint16_t server_port = 5269;
constexpr std::size_t most_targets = 16;  // a peer's DNS decides how many we try: not without a limit

}  // namespace

std::shared_ptr<TargetSearch> TargetSearch::start(net::Network& network, Executor& executor, Random& random,
                                                  const std::string& domain, const im::DomainRule& rule, Found found) {
    std::shared_ptr<TargetSearch> search(new TargetSearch(
        network, executor, random, domain, rule.tls != im::TlsPolicy::off && rule.direct_tls, std::move(found)));
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
        search->candidates_.push_back({record, false});
        search->resolve_next();
        return search;
    }
    search->open_questions_ = search->tls_ ? 2 : 1;
    const auto ask = [&](const char* prefix, bool direct_tls) {
        network.resolve_srv(executor, prefix + domain,
                            [weak = std::weak_ptr(search), direct_tls](Result<net::DnsAnswer<net::SrvRecord>> answer) {
                                if (const auto self = weak.lock()) self->asked(direct_tls, std::move(answer));
                            });
    };
    ask("_xmpp-server._tcp.", false);
    if (search->tls_) ask("_xmpps-server._tcp.", true);
    return search;
}

void TargetSearch::asked(bool direct_tls, Result<net::DnsAnswer<net::SrvRecord>> answer) {
    if (!answer)
        dns_error_ = answer.error();
    else if (net::decidedly_absent(answer->records))
        absent_ = absent_ || !direct_tls;
    else
        (direct_tls ? direct_ : plain_) = std::move(answer->records);
    if (--open_questions_ == 0) order();
}

void TargetSearch::order() {
    if (plain_.empty() && direct_.empty()) {
        if (absent_) return finish(Error{Errc::not_found, domain_ + " says in DNS that it has no XMPP server"});
        if (dns_error_)
            return finish(Error{Errc::timed_out,
                                "DNS gave no answer about _xmpp-server._tcp." + domain_ + ": " + dns_error_->detail});
        net::SrvRecord record;
        record.target = domain_;
        record.port = server_port;
        candidates_.push_back({record, false});
        return resolve_next();
    }
    // XEP-0368 3: both kinds are one list. A record's kind rides along in the target, which no host name can hold.
    std::vector<net::SrvRecord> all = plain_;
    for (auto record : direct_) {
        record.target += '\n';
        all.push_back(std::move(record));
    }
    for (auto& record : net::in_order_of_trial(std::move(all), random_)) {
        const bool direct = !record.target.empty() && record.target.back() == '\n';
        if (direct) record.target.pop_back();
        candidates_.push_back({std::move(record), direct});
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
    network_.resolve_host(
        executor_, candidate.record.target,
        [weak = weak_from_this(), candidate](Result<net::DnsAnswer<std::string>> answer) {
            const auto self = weak.lock();
            if (!self) return;
            if (!answer || answer->records.empty())
                self->host_error_ =
                    candidate.record.target + " has no address" + (answer ? "" : " (" + answer.error().detail + ")");
            else
                for (const auto& address : answer->records)
                    self->targets_.push_back(
                        {{address, candidate.record.port}, candidate.record.target, candidate.direct_tls});
            self->resolve_next();
        });
}

void TargetSearch::finish(Result<std::deque<Target>> result) {
    const auto self = shared_from_this();  // `found_` may drop the last other owner
    if (const auto found = std::move(found_)) found(std::move(result));
}

}  // namespace parley::server
