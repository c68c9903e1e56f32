#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "im/partner_transports.hpp"
#include "server/transport_search.hpp"

namespace parley::server {

// What DNS has decided for the domains whose rule says `automatic`. Searches run on one executor. A decision is made
// when its rule appears or a stanza asks for it, holds for the records' time to live (within bounds), and is then made
// anew in the background; what was decided stays in force until there is another answer.
class TransportFinder final : public im::PartnerTransports {
public:
    static constexpr std::size_t most_searches = 50;  // at once: a start with many rules is no flood of questions

    // `changed`: apply() gives another policy from now on; called on `executor`. The executor is stopped before this is
    // destroyed.
    TransportFinder(net::Network& network, Executor& executor, Function<void()> changed);
    ~TransportFinder() override;

    void find(Executor& executor, const std::string& domain, Function<void(Result<im::Transport>)> found) override;

    // The rules as the administrator wrote them. From any thread; undecided ones are looked up in the background.
    void set_policy(const im::FederationPolicy& policy);
    // Asks DNS again now, of a domain whose rule is automatic. From any thread.
    void retry(const std::string& domain);
    // The same policy, with what is decided in place of `automatic`. From any thread.
    im::FederationPolicy apply(im::FederationPolicy policy) const;
    // Of a domain whose rule is automatic; nothing before the first answer. From any thread.
    std::optional<Result<PartnerWay>> decision(const std::string& domain) const;

private:
    struct Asker {
        Executor* executor;
        Function<void(Result<im::Transport>)> found;
    };
    struct Domain {
        im::TlsPolicy tls = im::TlsPolicy::required;
        std::optional<Result<PartnerWay>> decision;
        std::optional<Error> error;  // of the last search, while an older decision stands
        std::shared_ptr<TransportSearch> search;
        std::vector<Asker> askers;
        Timer again;
        bool queued = false;
    };

    void look_up(const std::string& name);
    void start_next();
    void answered(const std::string& name, const Published& published);
    void answer(Domain& domain);

    net::Network& network_;
    Executor& executor_;
    Function<void()> changed_;
    mutable std::mutex mutex_;  // of decisions_, which apply() reads
    std::map<std::string, Result<PartnerWay>, std::less<>> decisions_;
    std::map<std::string, Domain> domains_;  // on executor_
    std::deque<std::string> queue_;          // to be looked up; those that somebody waits for are in front
    std::size_t searching_ = 0;
};

}  // namespace parley::server
