#include "server/transport_finder.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "net/identity.hpp"

namespace parley::server {
namespace {

// A time to live of zero must not become a storm of questions, and one of a year must not outlive a move.
constexpr Seconds shortest{5}, longest{3600};
constexpr Seconds after_failure{30};

std::string sentence(const std::string& domain, const PartnerWay& way) {
    auto text = domain + " is reached over " + (way.transport == im::Transport::sip ? "SIP" : "XMPP") +
                ": it publishes " + std::string(srv_prefix(way.by)) + domain;
    if (way.both) text += ", and SIP too; --via sip would take that";
    return text;
}

}  // namespace

TransportFinder::TransportFinder(net::Network& network, Executor& executor, Function<void()> changed)
    : network_(network), executor_(executor), changed_(std::move(changed)) {}
TransportFinder::~TransportFinder() = default;

void TransportFinder::find(Executor& executor, const std::string& domain, Function<void(Result<im::Transport>)> found) {
    executor_.post([this, domain, asker = Asker{&executor, std::move(found)}]() mutable {
        const auto entry = domains_.find(domain);
        if (entry == domains_.end()) {  // the rule went while the question was on its way
            asker.executor->post([found = std::move(asker.found), domain] {
                found(Error{Errc::not_found, "exchange with " + domain + " is not allowed here"});
            });
            return;
        }
        entry->second.askers.push_back(std::move(asker));
        if (entry->second.decision) return answer(entry->second);
        look_up(domain);
    });
}

void TransportFinder::set_policy(const im::FederationPolicy& policy) {
    std::map<std::string, im::TlsPolicy> wanted;
    for (const auto& [domain, rule] : policy.rules)
        if (rule.allowed && rule.transport == im::Transport::automatic) wanted[domain] = rule.tls;
    executor_.post([this, wanted = std::move(wanted)] {
        for (auto& [name, domain] : domains_)  // what becomes of them is not our affair any more
            if (!wanted.contains(name)) {
                domain.decision = Error{Errc::not_found, "the rule of " + name + " has changed"};
                answer(domain);
                const std::lock_guard lock(mutex_);
                decisions_.erase(name);
            }
        std::erase_if(domains_, [&](const auto& entry) {
            if (wanted.contains(entry.first)) return false;
            if (entry.second.search) --searching_;  // dropped with it
            return true;
        });
        for (const auto& [name, tls] : wanted) {
            auto& domain = domains_[name];
            const bool known = domain.decision.has_value() && domain.tls == tls;
            domain.tls = tls;
            if (!known) look_up(name);
        }
    });
}

void TransportFinder::retry(const std::string& name) {
    executor_.post([this, name] {
        if (domains_.contains(name)) look_up(name);
    });
}

im::FederationPolicy TransportFinder::apply(im::FederationPolicy policy) const {
    const std::lock_guard lock(mutex_);
    for (auto& [domain, rule] : policy.rules) {
        if (rule.transport != im::Transport::automatic) continue;
        const auto found = decisions_.find(domain);
        if (found == decisions_.end() || !found->second) continue;
        rule.transport = found->second->transport;
        if (rule.profile.empty()) rule.profile = found->second->profile;
    }
    return policy;
}

std::optional<Result<PartnerWay>> TransportFinder::decision(const std::string& domain) const {
    const std::lock_guard lock(mutex_);
    const auto found = decisions_.find(domain);
    return found == decisions_.end() ? std::nullopt : std::optional(found->second);
}

void TransportFinder::look_up(const std::string& name) {
    auto& domain = domains_[name];
    if (domain.search) return;
    const bool urgent = !domain.askers.empty();
    if (!domain.queued || urgent) urgent ? queue_.push_front(name) : queue_.push_back(name);
    domain.queued = true;
    start_next();
}

void TransportFinder::start_next() {
    while (searching_ < most_searches && !queue_.empty()) {
        const auto name = std::move(queue_.front());
        queue_.pop_front();
        const auto found = domains_.find(name);
        if (found == domains_.end() || !found->second.queued) continue;  // gone, or done from the front
        auto& domain = found->second;
        domain.queued = false;
        domain.again = {};
        ++searching_;
        domain.search = TransportSearch::start(network_, executor_, net::to_ascii_domain(name),
                                               [this, name](const Published& published) { answered(name, published); });
    }
}

void TransportFinder::answered(const std::string& name, const Published& published) {
    auto& domain = domains_[name];
    const auto search = std::move(domain.search);
    --searching_;
    const auto way = choose_way(name, published, domain.tls);
    const bool dns_failed = !way && (way.error().code == Errc::timed_out || way.error().code == Errc::closed);
    const bool keeps = dns_failed && domain.decision && *domain.decision;  // silence is no reason to change the way
    auto next = way ? std::clamp(way->ttl, shortest, longest) : after_failure;
    if (!keeps) {
        const bool same = domain.decision && domain.decision->has_value() == way.has_value() &&
                          (way ? domain.decision->value().transport == way->transport &&
                                     domain.decision->value().profile == way->profile
                               : domain.decision->error().detail == way.error().detail);
        domain.decision = way;
        {
            const std::lock_guard lock(mutex_);
            decisions_.insert_or_assign(name, way);
        }
        if (!same) {
            log(way ? LogLevel::info : LogLevel::warning, "", way ? sentence(name, *way) : way.error().detail);
            changed_();
        }
    }
    domain.again = executor_.after(next, [this, name] {
        auto& self = domains_[name];
        // A refusal is looked at again when somebody asks: nothing waits for it.
        if (self.decision && !*self.decision) {
            self.decision.reset();
            self.again = {};
            return;
        }
        look_up(std::string(name));  // a copy: the timer that is reset owns the other
    });
    answer(domain);
    start_next();
}

void TransportFinder::answer(Domain& domain) {
    for (auto& asker : std::exchange(domain.askers, {}))
        asker.executor->post([found = std::move(asker.found), decision = *domain.decision] {
            if (decision)
                found(decision->transport);
            else
                found(decision.error());
        });
}

}  // namespace parley::server
