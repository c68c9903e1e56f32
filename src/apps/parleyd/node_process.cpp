#include "apps/parleyd/node_process.hpp"

#include <algorithm>
#include <functional>
#include <future>
#include <thread>

#include "admin/messages/message.hpp"
#include "apps/parleyd/start.hpp"
#include "base/log.hpp"

namespace parley {
namespace {

net::DnsSettings dns_from(const admin::Config& config) {
    net::DnsSettings dns;
    for (const auto& server : config.dns_servers)
        dns.servers.push_back(server.address + '@' + std::to_string(server.port));
    dns.unsigned_domains = config.dns_unsigned;
    dns.trust_anchor_file = config.trust_anchor.string();
    return dns;
}

sip::CoreConfig sip_from(const admin::Config& config) {
    sip::CoreConfig sip;
    sip.host = config.sip_host;
    sip.product = std::string("parley/") + PARLEY_VERSION;
    sip.default_expires = config.sip_subscription;
    sip.session_idle = config.sip_session_idle;
    if (!config.listen.sip.empty()) sip.tcp_port = config.listen.sip.front().port;
    if (!config.listen.sip_tls.empty()) sip.tls_port = config.listen.sip_tls.front().port;
    return sip;
}

net::TlsSettings tls_of(const admin::Config& config, const admin::LocalDomain& domain, bool legacy) {
    net::TlsSettings tls;
    tls.certificate_file = domain.certificate.string();
    tls.key_file = domain.key.string();
    tls.trust_file = config.trust_file.string();
    tls.trust_system = config.trust_system;
    tls.peer = net::TlsSettings::PeerCertificate::ask;
    tls.legacy = legacy;
    return tls;
}

using Contexts = std::map<std::string, std::shared_ptr<net::TlsContext>, std::less<>>;

// On a port where TLS comes before the stream header, the first domain's context answers, and lends the certificate
// that the client asks for by name.
void choose_by_name(Contexts& contexts, const std::map<std::string, std::string, std::less<>>& rooms) {
    if (contexts.size() < 2) return;
    Contexts others(std::next(contexts.begin()), contexts.end());
    for (const auto& [name, domain] : rooms)
        if (const auto own = others.find(domain); own != others.end()) others[name] = own->second;
    contexts.begin()->second->set_by_server_name([others](const std::string& name) -> std::shared_ptr<net::TlsContext> {
        const auto found = others.find(name);
        return found == others.end() ? nullptr : found->second;
    });
}

// Runs `work` on the loop's thread and waits for it: for start and stop only.
template <class Work>
void run_on(Executor& loop, Work work) {
    std::promise<void> done;
    loop.post([&] {
        work();
        done.set_value();
    });
    done.get_future().wait();
}

}  // namespace

NodeProcess::NodeProcess(const admin::Config& config, Executor& main)
    : network_(std::make_unique<net::SocketNetwork>(dns_from(config))),
      node_{*network_, random_, {}, {}, {}, {}, PARLEY_VERSION, nullptr},
      xmpp_(node_),
      config_(std::make_shared<const admin::Config>(config)),
      main_(main) {}

Result<std::unique_ptr<NodeProcess>> NodeProcess::start(const admin::Config& config, net::EventLoop& main) {
    std::unique_ptr<NodeProcess> process(new NodeProcess(config, main));
    if (auto opened = process->open(config); !opened) return opened.error();
    return process;
}

Result<> NodeProcess::open(const admin::Config& config) {
    auto engine = storage::sqlite::Engine::open(config.store);
    if (!engine) return engine.error();
    engine_ = *std::move(engine);
    node_.secret = engine_->secret("node");

    auto settings = settings_from(config);
    if (!settings) return settings.error();
    auto inbound = sip_inbound_from(config, false);
    if (!inbound) return inbound.error();
    sip_inbound_tls_ = *std::move(inbound);

    const auto threads = config.shards > 0 ? config.shards : std::max(1u, std::thread::hardware_concurrency());
    for (unsigned i = 0; i < threads; ++i) loops_.push_back(std::make_unique<net::EventLoop>());
    transports_ = std::make_unique<server::TransportFinder>(*network_, *loops_.front(), [this] { publish(); });
    node_.transports = transports_.get();
    posh_ = std::make_unique<server::PoshDocuments>(*network_, *loops_.front(),
                                                    [this] { return node_.settings.get()->posh_tls; });
    node_.posh = posh_.get();
    node_.unheard = [this](const xmpp::Jid& user, const xmpp::Jid& sender) {
        main_.post([this, user, sender] {
            if (on_unheard) on_unheard(user, sender);
        });
    };
    node_.settings.set(*settings);
    for (unsigned i = 0; i < threads; ++i) {
        shards_.push_back(std::make_unique<server::Shard>(node_, *loops_[i], engine_->stores_for(*loops_[i]), i));
        node_.shards.push_back(shards_.back().get());
        node_.bus.add_shard(*loops_[i], *shards_.back());
    }
    federation_ = std::make_unique<server::XmppFederation>(node_);
    for (std::size_t i = 0; i < shards_.size(); ++i) shards_[i]->xmpp_domains = &federation_->face(i);
    if (config.has(admin::Role::sip)) {
        sip_ = std::make_unique<gateway::SipGateway>(
            *network_, random_, [this] { return sip_settings(); }, sip_from(config),
            gateway::Observers{&node_.tracer, &node_.history, &node_.refusals});
        for (const auto& shard : shards_)
            shard->sip_domains = &sip_->add_shard({shard->executor(), *shard, shard->stores().dialogs()});
    }
    // What the administrator has allowed is in the store; nothing is served before it is known.
    std::promise<Result<im::FederationPolicy>> loaded;
    for (const auto& loop : loops_) loop->start();
    loops_.front()->post([&] {
        shards_.front()->stores().policy().load(
            [&](Result<im::FederationPolicy> policy) { loaded.set_value(std::move(policy)); });
    });
    auto policy = loaded.get_future().get();
    if (!policy) return policy.error();
    (*settings)->policy = *std::move(policy);
    use(*settings);
    if (auto made = make_legacy_tls(); !made) return made;
    log_notices();
    load_history();
    if (sip_) {  // before the outbox is looked at: what waits there belongs into the dialogs that we have
        std::promise<Result<>> restored;
        sip_->start([&](Result<> result) { restored.set_value(std::move(result)); });
        if (auto done = restored.get_future().get(); !done) return done;
    }
    for (const auto& shard : shards_) run_on(shard->executor(), [&] { shard->start(); });
    // A client that came first could add a row, which would then leave twice.
    std::promise<void> read;
    loops_.front()->post([&] { shards_.front()->resume_outbox([&] { read.set_value(); }); });
    read.get_future().wait();
    return listen(config);
}

Result<> NodeProcess::listen(const admin::Config& config) {
    using Listen = std::function<Result<>(const net::Endpoint&)>;
    const auto open = [&](std::string_view name, const std::vector<admin::Address>& addresses,
                          const Listen& listen_on) -> Result<> {
        for (const auto& address : addresses) {
            const auto opened = listen_on({address.address, address.port});
            if (!opened)
                return Error{opened.error().code,
                             describe_listen_failure(name, address, opened.error(), admin::Language::english)};
        }
        return {};
    };
    if (config.has(admin::Role::c2s)) {
        const auto clients = [&](bool tls) {
            return [this, tls](const net::Endpoint& at) { return xmpp_.listen_c2s(at, tls); };
        };
        if (auto done = open("c2s", config.listen.c2s, clients(false)); !done) return done;
        if (auto done = open("c2s_tls", config.listen.c2s_tls, clients(true)); !done) return done;
    }
    if (config.has(admin::Role::s2s)) {
        const auto servers = [&](bool tls) {
            return [this, tls](const net::Endpoint& at) { return federation_->listen(at, tls); };
        };
        if (auto done = open("s2s", config.listen.s2s, servers(false)); !done) return done;
        if (auto done = open("s2s_tls", config.listen.s2s_tls, servers(true)); !done) return done;
    }
    if (sip_) {
        const auto partners = [&](bool tls) {
            return [this, tls](const net::Endpoint& at) { return sip_->listen(at, tls); };
        };
        if (auto done = open("sip", config.listen.sip, partners(false)); !done) return done;
        if (auto done = open("sip_tls", config.listen.sip_tls, partners(true)); !done) return done;
    }
    return {};
}

// TLS comes before any address on a SIP port: a peer that names nobody gets the first domain's certificate.
Result<std::shared_ptr<net::TlsContext>> NodeProcess::sip_inbound_from(const admin::Config& config, bool legacy) const {
    if (config.domains.empty()) return std::shared_ptr<net::TlsContext>{};
    auto context = net::TlsContext::load(tls_of(config, config.domains.front(), legacy));
    if (!context) return context.error();
    (*context)->set_by_server_name([this, legacy](const std::string& name) -> std::shared_ptr<net::TlsContext> {
        const auto settings = sip_settings();
        for (const auto& [domain, own] : legacy ? settings->legacy_domains : settings->domains)
            if (own && (name == domain || own->covers(name))) return own;
        return nullptr;
    });
    return *context;
}

// Old TLS lives in contexts of its own, which exist only while a rule needs them.
Result<> NodeProcess::make_legacy_tls() {
    std::map<std::string, std::shared_ptr<net::TlsContext>, std::less<>> domains;
    std::shared_ptr<net::TlsContext> inbound;
    const auto policy = as_configured()->policy;
    const bool needed = std::any_of(policy.rules.begin(), policy.rules.end(),
                                    [](const auto& entry) { return entry.second.has_legacy_tls(); });
    if (needed) {
        for (const auto& domain : config_->domains) {
            auto context = net::TlsContext::load(tls_of(*config_, domain, true));
            if (!context) return context.error();
            domains[domain.name] = *std::move(context);
        }
        auto made = sip_inbound_from(*config_, true);
        if (!made) return made.error();
        inbound = *std::move(made);
    }
    {
        const std::lock_guard lock(settings_mutex_);
        legacy_domains_ = std::move(domains);
        legacy_inbound_ = std::move(inbound);
    }
    publish();
    return {};
}

void NodeProcess::use(std::shared_ptr<const server::Settings> settings) {
    {
        const std::lock_guard lock(settings_mutex_);
        configured_ = settings;
    }
    publish();
    if (transports_) transports_->set_policy(settings->policy);
}

void NodeProcess::publish() {
    const std::lock_guard lock(settings_mutex_);
    auto settings = std::make_shared<server::Settings>(*configured_);
    if (transports_) settings->policy = transports_->apply(std::move(settings->policy));
    auto sip = std::make_shared<gateway::SipSettings>();
    sip->domains = settings->s2s_contexts;
    sip->rooms = settings->room_domains;
    sip->inbound_tls = sip_inbound_tls_;
    sip->legacy_domains = legacy_domains_;
    sip->legacy_inbound = legacy_inbound_;
    sip->policy = settings->policy;
    sip->disclose_reasons = settings->disclose_reasons;
    sip->transports = transports_.get();
    sip->limits = settings->limits;
    sip->sentences = [](std::string_view id, const std::string& about) {
        const auto in = [&](admin::Language language) { return admin::format(language, id, std::span(&about, 1)); };
        return std::vector<gateway::SipSettings::Sentence>{{"en", in(admin::Language::english)},
                                                           {"ja", in(admin::Language::japanese)}};
    };
    node_.settings.set(std::move(settings));
    sip_settings_ = std::move(sip);
}

std::shared_ptr<const server::Settings> NodeProcess::as_configured() const {
    const std::lock_guard lock(settings_mutex_);
    return configured_;
}

std::shared_ptr<const gateway::SipSettings> NodeProcess::sip_settings() const {
    const std::lock_guard lock(settings_mutex_);
    return sip_settings_;
}

Result<std::shared_ptr<server::Settings>> NodeProcess::settings_from(const admin::Config& config) const {
    auto settings = std::make_shared<server::Settings>();
    settings->limits = config.limits;
    settings->third_party_decisions_count = config.third_party_decisions_count;
    settings->policy = as_configured()->policy;
    settings->dnssec = !config.trust_anchor.empty();
    settings->disclose_reasons = config.disclose_reasons;
    if (config.posh) {
        net::TlsSettings tls;  // without a certificate of ours: web servers need not know who asks
        tls.trust_file = config.trust_file.string();
        tls.trust_system = config.trust_system;
        auto context = net::TlsContext::load(tls);
        if (!context) return context.error();
        settings->posh_tls = *std::move(context);
    }
    for (const auto& domain : config.domains) {
        auto tls = tls_of(config, domain, false);
        tls.peer = net::TlsSettings::PeerCertificate::none;  // clients sign in by password
        auto context = net::TlsContext::load(tls);
        if (!context) return context.error();
        settings->domains[domain.name] = *context;
        tls.peer = net::TlsSettings::PeerCertificate::ask;
        auto between_servers = net::TlsContext::load(tls);
        if (!between_servers) return between_servers.error();
        settings->s2s_contexts[domain.name] = *between_servers;
        if (!domain.rooms.empty()) settings->room_domains[domain.rooms] = domain.name;
    }
    settings->sentences = [](std::string_view id, const std::vector<std::string>& args) {
        const auto in = [&](admin::Language language) { return admin::format(language, id, args); };
        return std::vector<im::Sentence>{{"en", in(admin::Language::english)}, {"ja", in(admin::Language::japanese)}};
    };
    choose_by_name(settings->domains, {});
    choose_by_name(settings->s2s_contexts, settings->room_domains);
    return settings;
}

Result<> NodeProcess::reload(const admin::Config& config) {
    auto settings = settings_from(config);
    if (!settings) return settings.error();
    auto inbound = sip_inbound_from(config, false);
    if (!inbound) return inbound.error();
    {
        const std::lock_guard lock(settings_mutex_);
        sip_inbound_tls_ = *std::move(inbound);
    }
    config_ = std::make_shared<const admin::Config>(config);
    use(*std::move(settings));
    return make_legacy_tls();
}

void NodeProcess::policy_changed(const im::FederationPolicy& policy) {
    const auto before = as_configured();
    auto settings = std::make_shared<server::Settings>(*before);
    settings->policy = policy;
    note_rules(before->policy, policy);
    use(std::move(settings));
    if (const auto made = make_legacy_tls(); !made)
        log(LogLevel::error, "", "TLS for old partners cannot be set up: " + made.error().detail);
    log_notices();
}

void NodeProcess::retry(const std::string& domain) {
    transports_->retry(domain);
    im::PartnerEvent event;
    event.what = im::PartnerEvent::What::retried;
    node_.history.note(domain, as_configured()->policy.names(domain), std::move(event), main_.clock().wall());
    for (std::size_t i = 0; i < shards_.size(); ++i)
        shards_[i]->executor().post([this, i, domain] {
            if (sip_) sip_->retry(i, domain);
            if (federation_) federation_->retry(i, domain);
        });
}

void NodeProcess::end_sessions(const xmpp::Jid& user) {
    auto& shard = home_of(user);
    shard.executor().post([&shard, user] { shard.forget_user(user); });
}

server::Shard& NodeProcess::home_of(const xmpp::Jid& user) const {
    return *shards_[node_.bus.shard_of(cluster::slot_of(user))];
}

NodeProcess::Totals NodeProcess::totals() const {
    Totals totals;
    for (const auto& shard : shards_) {
        const auto& c = shard->counters;
        totals.sessions += c.sessions.load(std::memory_order_relaxed);
        totals.logins += c.logins.load(std::memory_order_relaxed);
        totals.login_failures += c.login_failures.load(std::memory_order_relaxed);
        totals.messages += c.messages.load(std::memory_order_relaxed);
        totals.stored += c.stored.load(std::memory_order_relaxed);
        totals.bounced += c.bounced.load(std::memory_order_relaxed);
        totals.unheard += c.unheard.load(std::memory_order_relaxed);
    }
    return totals;
}

NodeProcess::~NodeProcess() {
    trace_timer_.cancel();
    history_timer_.cancel();
    xmpp_.stop_listening();
    if (federation_) federation_->stop_listening();
    if (sip_) sip_->stop_listening();
    for (std::size_t i = 0; i < shards_.size(); ++i)
        run_on(shards_[i]->executor(), [&] {
            shards_[i]->shut_down();
            if (federation_) federation_->shut_down(*shards_[i]);
            if (sip_) sip_->shut_down(i);
        });
    if (posh_) run_on(*loops_.front(), [&] { posh_->shut_down(); });
    for (const auto& shard : shards_) run_on(shard->executor(), [] {});  // what the streams were told is written now
    for (const auto& loop : loops_) loop->stop();
    for (const auto& loop : loops_) loop->join();
    network_.reset();  // until now shards may have asked it something
    federation_.reset();
    sip_.reset();
    shards_.clear();
    if (main_stores_) save_history();
    main_stores_.reset();
    engine_.reset();
    transports_.reset();
    posh_.reset();
    loops_.clear();
}

}  // namespace parley
