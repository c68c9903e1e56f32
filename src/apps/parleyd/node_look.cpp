#include "apps/parleyd/look/dns_plan.hpp"
#include "apps/parleyd/look/partner_check.hpp"
#include "apps/parleyd/look/partner_view.hpp"
#include "apps/parleyd/node_process.hpp"
#include "base/log.hpp"

// What an administrator can look at while the node runs.
namespace parley {

look::Parts NodeProcess::look_parts() const {
    return {*network_,
            main_,
            const_cast<SystemRandom&>(random_),
            config_,
            as_configured(),
            [this] { return node_.settings.get(); },
            [this] { return sip_settings(); },
            *transports_,
            node_.secret};
}

void NodeProcess::look(const admin::Look& look, Function<void(admin::Report)> done) {
    using At = admin::Look::At;
    auto parts = look_parts();
    switch (look.at) {
        case At::partner:
            return overview(look.domain,
                            [parts = std::move(parts), domain = look.domain, done = std::move(done)](
                                const im::PartnerOverview& overview) { done(look::view_of(parts, domain, overview)); });
        case At::sessions:
            return overview({}, [done = std::move(done)](const im::PartnerOverview& overview) {
                done(look::sessions_of(overview));
            });
        case At::test:
            return look::check_partner(std::move(parts), look.domain,
                                       look.from.empty() ? config_->domains.front().name : look.from, std::move(done));
        case At::dns_plan: break;
    }
    std::vector<std::string> domains;
    for (const auto& domain : config_->domains)
        if (look.domain.empty() || domain.name == look.domain) domains.push_back(domain.name);
    look::plan_dns(std::move(parts), std::move(domains), std::move(done));
}

// Each shard says what it has; the sum comes back to the main loop.
void NodeProcess::overview(const std::string& domain, Function<void(im::PartnerOverview)> done) {
    struct Sum {
        std::size_t missing;
        im::PartnerOverview overview;
        Function<void(im::PartnerOverview)> done;
    };
    auto sum = std::make_shared<Sum>(Sum{shards_.size(), {}, std::move(done)});
    for (std::size_t i = 0; i < shards_.size(); ++i)
        shards_[i]->executor().post([this, i, domain, sum] {
            im::PartnerOverview part;
            if (sip_) sip_->describe(i, domain, part);
            if (federation_ && !domain.empty()) federation_->describe(i, domain, part);
            main_.post([sum, part = std::move(part)]() mutable {
                sum->overview.add(std::move(part));
                if (--sum->missing == 0) sum->done(std::move(sum->overview));
            });
        });
}

// What must not be forgotten stands in the log too, whenever it may have changed.
void NodeProcess::log_notices() const {
    for (const auto& finding : notices().findings)
        log(LogLevel::warning, "", finding.what.in(admin::Language::english));
}

admin::Report NodeProcess::notices() const {
    return look::notices_of(look_parts());
}

}  // namespace parley
