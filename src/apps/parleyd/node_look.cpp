#include "apps/parleyd/look/dns_plan.hpp"
#include "apps/parleyd/look/explain.hpp"
#include "apps/parleyd/look/partner_check.hpp"
#include "apps/parleyd/look/partner_history.hpp"
#include "apps/parleyd/look/partner_sheet.hpp"
#include "apps/parleyd/look/partner_view.hpp"
#include "apps/parleyd/look/refusals.hpp"
#include "apps/parleyd/node_process.hpp"
#include "base/log.hpp"
#include "im/policy_iq.hpp"
#include "server/user.hpp"

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
            node_.secret,
            node_.settings.get()->posh_tls ? node_.posh : nullptr,
            [this](const std::string& domain) {
                return federation_ ? federation_->inbound_seen().of(domain) : server::InboundSeen::Seen{};
            },
            [this](const std::string& domain) {
                return federation_ ? federation_->refused_releases().why(domain, main_.clock().now()) : std::string{};
            },
            [this](const std::string& call_id, Function<void(std::string)> notified) {
                if (sip_) sip_->look_ups().expect(call_id, main_, std::move(notified));
            },
            [this](const std::string& call_id) {
                if (sip_) sip_->look_ups().forget(call_id);
            },
            [this](const std::string& domain, Function<void(im::PartnerOverview)> found) {
                overview(domain, std::move(found));
            }};
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
        case At::explain:
            return explain(*xmpp::Jid::parse(look.watcher), *xmpp::Jid::parse(look.target), std::move(done));
        case At::history: return done(look::history_of(look.domain, node_.history.of(look.domain)));
        case At::refusals: return done(look::refusals_of(node_.refusals, look.domain));
        case At::sheet:
        case At::dns_plan: break;
    }
    std::vector<std::string> domains;
    for (const auto& domain : config_->domains)
        if (look.domain.empty() || domain.name == look.domain) domains.push_back(domain.name);
    if (look.at == At::sheet) return look::partner_sheet(std::move(parts), std::move(domains), std::move(done));
    look::plan_dns(std::move(parts), std::move(domains), std::move(done));
}

// Both people's shards are asked one after the other, then all shards about the partner.
void NodeProcess::explain(const xmpp::Jid& watcher, const xmpp::Jid& target, Function<void(admin::Report)> done) {
    auto facts = std::make_shared<look::ExplainFacts>();
    facts->watcher = watcher;
    facts->target = target;
    const auto ours = [this](const xmpp::Jid& who) { return config_->domain(who.domain()) != nullptr; };
    const auto describe = [this](const xmpp::Jid& user, const xmpp::Jid& contact,
                                 Function<void(Result<im::PairFacts>)> then) {
        auto& shard = home_of(user);
        shard.executor().post([this, &shard, user, contact, then = std::move(then)]() mutable {
            shard.describe(user, contact, [this, then = std::move(then)](Result<im::PairFacts> found) mutable {
                main_.post([then = std::move(then), found = std::move(found)]() mutable { then(std::move(found)); });
            });
        });
    };
    auto conclude = [this, facts, ours, done = std::move(done)]() mutable {
        const auto& foreigner = ours(facts->watcher) ? facts->target : facts->watcher;
        if (ours(foreigner)) return done(look::explain(look_parts(), *facts));
        overview(foreigner.domain(), [this, facts, done = std::move(done)](im::PartnerOverview overview) {
            facts->partner = std::move(overview);
            done(look::explain(look_parts(), *facts));
        });
    };
    auto with_target = [facts, ours, describe, conclude = std::move(conclude)]() mutable {
        if (!ours(facts->target)) return conclude();
        describe(facts->target, facts->watcher,
                 [facts, conclude = std::move(conclude)](Result<im::PairFacts> found) mutable {
                     facts->of_target = found ? *std::move(found) : im::PairFacts{};
                     conclude();
                 });
    };
    if (!ours(watcher)) return with_target();
    describe(watcher, target, [facts, with_target = std::move(with_target)](Result<im::PairFacts> found) mutable {
        facts->of_watcher = found ? *std::move(found) : im::PairFacts{};
        with_target();
    });
}

void NodeProcess::user_policy(const xmpp::Jid& user, Function<void(Result<im::UserPolicy>)> done) {
    auto& shard = home_of(user);
    shard.executor().post([this, &shard, user, done = std::move(done)]() mutable {
        shard.with_user(user, [this, done = std::move(done)](const Result<server::User*>& found) mutable {
            auto policy = found ? Result<im::UserPolicy>((*found)->policy()) : found.error();
            main_.post([done = std::move(done), policy = std::move(policy)]() mutable { done(std::move(policy)); });
        });
    });
}

void NodeProcess::change_user_policy(const xmpp::Jid& user, im::PolicyChange change, Function<void(Result<>)> done) {
    auto& shard = home_of(user);
    auto back = [this, done = std::move(done)](Result<> changed) mutable {
        main_.post([done = std::move(done), changed = std::move(changed)]() mutable { done(std::move(changed)); });
    };
    shard.executor().post([&shard, user, change = std::move(change), back = std::move(back)]() mutable {
        shard.with_user(user, [&shard, change = std::move(change),
                               back = std::move(back)](const Result<server::User*>& found) mutable {
            if (!found) return back(found.error());
            auto& loaded = **found;
            if (!im::has_room(loaded.policy(), change, shard.settings().limits.policy_entries))
                return back(Error{Errc::too_long, loaded.jid().to_string()});
            loaded.change_policy(std::move(change), std::move(back));
        });
    });
}

// Each shard says what it has; the sum comes back to the main loop.
void NodeProcess::overview(const std::string& domain, Function<void(im::PartnerOverview)> done) const {
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
