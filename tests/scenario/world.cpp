#include "tests/scenario/world.hpp"

#include <stdexcept>

#include "admin/messages/message.hpp"
#include "xmpp/sasl/scram_keys.hpp"

namespace parley::test {
namespace {

void must(const Result<>& result, const std::string& what) {
    if (!result) throw std::runtime_error(what + ": " + result.error().detail);
}

}  // namespace

void World::fill_store() {
    const auto stores = engine_->stores_for(executor);
    const auto done = [](const std::string& what) { return [what](Result<> result) { must(result, what); }; };
    for (const auto& user : accounts) {
        storage::Account account;
        account.jid = user;
        // Few rounds: what is tested here is not how long a guess takes.
        account.sha1 = *xmpp::derive_scram_keys(xmpp::ScramHash::sha1, user.local(), random_, 4096);
        account.sha256 = *xmpp::derive_scram_keys(xmpp::ScramHash::sha256, user.local(), random_, 4096);
        stores->accounts().create(std::move(account), done("an account"));
    }
    for (const auto& [user, roster] : rosters) {
        storage::RosterChange change;
        change.version = 1;
        for (const auto& [contact, item] : roster.items) change.put.push_back(item);
        stores->rosters().apply(user, std::move(change), done("a roster"));
    }
    for (const auto& [user, change] : policies) stores->user_policies().apply(user, change, done("a policy"));
    executor.run_until_idle();
    filled_ = true;
}

void World::start() {
    storage::sqlite::Options options;
    options.threads = storage::sqlite::Options::Threads::inline_;
    options.clock = &executor.clock();
    auto engine = storage::sqlite::Engine::open(folder_.path(), options);
    if (!engine) throw std::runtime_error(engine.error().detail);
    engine_ = *std::move(engine);
    if (!filled_) fill_store();

    const auto no_certificate = net::TlsContext::load({.trust_system = false});
    if (!no_certificate) throw std::runtime_error(no_certificate.error().detail);
    auto settings = std::make_shared<server::Settings>();
    auto sip = std::make_shared<gateway::SipSettings>();
    for (const auto& domain : local_domains) {
        settings->domains[domain] = settings->s2s_contexts[domain] = *no_certificate;
        sip->domains[domain] = nullptr;  // SIP over TCP here
        settings->room_domains["conference." + domain] = domain;
    }
    sip->rooms = settings->room_domains;
    settings->sentences = [](std::string_view id, const std::vector<std::string>& args) {
        return std::vector<im::Sentence>{{"en", admin::format(admin::Language::english, id, args)}};
    };
    settings->policy = sip->policy = policy;
    settings->limits = limits;
    settings->third_party_decisions_count = third_party_decisions_count;
    sip_settings_ = sip;

    node_.reset(new server::Node{network, random_, {}, {}, {}, engine_->secret("node"), "scenario"});
    node_->settings.set(settings);
    for (std::size_t i = 0; i < shard_count_; ++i) {
        executors_.push_back(std::make_unique<FakeExecutor>(executor));
        auto stores = std::make_unique<FaultyStores>(engine_->stores_for(*executors_[i]), *executors_[i], faults);
        shards_.push_back(std::make_unique<server::Shard>(*node_, *executors_[i], std::move(stores), i));
        node_->shards.push_back(shards_[i].get());
        node_->bus.add_shard(*executors_[i], *shards_[i]);
    }
    federation_ = std::make_unique<server::XmppFederation>(*node_);
    sip_ = std::make_unique<gateway::SipGateway>(
        network, random_, [this] { return sip_settings_; }, sip::CoreConfig{},
        gateway::Observers{&node_->tracer, &node_->history});
    for (std::size_t i = 0; i < shard_count_; ++i) {
        auto& shard = *shards_[i];
        shard.xmpp_domains = &federation_->face(i);
        shard.sip_domains = &sip_->add_shard({shard.executor(), shard, shard.stores().dialogs()});
    }
    sip_->start([](Result<> result) { must(result, "the SIP dialogs"); });
    executor.run_until_idle();
    for (const auto& shard : shards_) shard->start();
    shards_.front()->resume_outbox([] {});
    xmpp_ = std::make_unique<server::XmppService>(*node_);
    must(xmpp_->listen_c2s({"10.0.0.1", 5222}, false), "the clients' port");
    must(federation_->listen({"10.0.0.1", 5269}, false), "the servers' port");
    must(sip_->listen({"10.0.0.1", 5060}, false), "the SIP port");
    executor.run_until_idle();
}

std::uint64_t World::limit_hits() const {
    std::uint64_t hits = 0;
    for (const auto& shard : shards_) hits += shard->counters.limit_hits;
    return hits;
}

void World::stop(End end) {
    if (!running()) return;
    if (xmpp_) xmpp_->stop_listening();
    if (federation_) federation_->stop_listening();
    if (sip_) sip_->stop_listening();
    if (end == End::orderly && shards_.size() == shard_count_ && sip_) {
        for (std::size_t i = 0; i < shard_count_; ++i) {
            shards_[i]->shut_down();
            federation_->shut_down(*shards_[i]);
            sip_->shut_down(i);
        }
        executor.run_until_idle();
    }
    xmpp_.reset();
    federation_.reset();
    sip_.reset();
    shards_.clear();
    engine_.reset();
    network.reset_connections("10.0.0.1");
    executor.run_until_idle();  // the other ends see it
    executors_.clear();
    node_.reset();
}

}  // namespace parley::test
