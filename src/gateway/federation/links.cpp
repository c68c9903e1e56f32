#include "gateway/federation/links.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "gateway/federation/foreign_domain.hpp"
#include "gateway/mapping/address.hpp"
#include "net/identity.hpp"
#include "sip/header/name_addr.hpp"

namespace parley::gateway {
namespace {

constexpr std::size_t most_links = 2'000;           // of one shard, accepted ones
constexpr std::size_t most_links_of_address = 200;  // so that nobody takes all of them; loopback is not counted
constexpr Millis connect_patience{10'000};
constexpr Millis first_back_off{1'000}, longest_back_off{5'000};  // a partner's return is noticed within seconds
constexpr Millis without_connection{10'000};  // a request waits so long: DNS may know the old place for a moment
constexpr Millis in_queue{25'000};            // and so long for its turn
constexpr std::size_t most_made_up = 1'000;   // domains that a rule about subdomains lets in, before the idle ones go

}  // namespace

std::string policy_domain(std::string_view host) {
    const auto jid = jid_from_sip({}, host);
    return jid ? jid->domain() : std::string{};
}

SipLinks::SipLinks(std::size_t index, Executor& executor, net::Network& network, Random& random,
                   SipSettingsSource settings, SharedRates& rates, Inbox& inbox, Observers observers)
    : index_(index),
      executor_(executor),
      network_(network),
      random_(random),
      settings_(std::move(settings)),
      rates_(rates),
      inbox_(inbox),
      history_(observers.history),
      observers_(observers),
      trace_(observers.tracer, executor.clock()) {}

SipLinks::~SipLinks() = default;

void SipLinks::shut_down() {
    closing_ = true;
    for (auto& [key, route] : routes_) fail(route);
    for (auto& [id, link] : links_) link->close();
}

Link& SipLinks::add(std::unique_ptr<net::Connection> connection) {
    const sip::LinkId id{static_cast<std::uint64_t>(index_) << 48 | ++last_link_};
    Link::Owner& self = *this;
    auto link = std::make_unique<Link>(id, std::move(connection), self, settings_()->limits.sip_requests_per_second);
    return *links_.emplace(id.value, std::move(link)).first->second;
}

void SipLinks::forget_later(sip::LinkId id) {
    executor_.post([this, weak = std::weak_ptr<int>(alive_), id] {
        if (!weak.expired()) links_.erase(id.value);
    });
}

void SipLinks::accept(std::unique_ptr<net::Connection> connection, bool tls) {
    if (closing_) return;  // dropping it closes it
    const auto& remote = connection->remote();
    const auto same = [&](const auto& entry) { return entry.second->remote().address == remote.address; };
    const bool crowded = !remote.is_loopback() && std::count_if(links_.begin(), links_.end(), same) >=
                                                      static_cast<std::ptrdiff_t>(most_links_of_address);
    if (crowded || links_.size() >= most_links) {
        const auto most = std::to_string(crowded ? most_links_of_address : most_links);
        log_.say(executor_.clock().now(), LogLevel::warning, crowded ? "full " + remote.address : "full",
                 "SIP: the connection from " + remote.to_string() + " is closed: there are " + most + " already" +
                     (crowded ? " from this address" : ""));
        return;
    }
    auto& link = add(std::move(connection));
    tls ? secure(link) : link.start();
}

// Old TLS only for the addresses of partners whose rule has it: what protocol may be spoken must be known before the
// peer can say who it is.
void SipLinks::secure(Link& link) {
    const auto settings = settings_();
    const auto now = executor_.clock().wall();
    bool legacy = false, unknown = false;
    for (const auto& [domain, rule] : settings->policy.rules) {
        if (!rule.has_legacy_tls() || !rule.allowed) continue;
        if (!expected(domain)) look_up(domain);  // in the background, unless nothing is known at all
        const auto& known = expected_[domain];
        const auto& addresses = known.addresses;
        if (!known.known)
            unknown = true;
        else if (std::find(addresses.begin(), addresses.end(), link.remote().address) != addresses.end())
            legacy = legacy || rule.legacy_tls(now);
    }
    if (unknown && !legacy) {
        unsecured_.insert(link.id().value);
        return;
    }
    unsecured_.erase(link.id().value);
    auto context = legacy ? settings->legacy_inbound : settings->inbound_tls;
    for (const auto& [domain, own] : settings->domains)
        if (!context) context = own;
    if (!context) return link.close();
    link.start_tls(std::move(context), net::Connection::TlsRole::server, {}, settings->limits.tls_handshake);
}

void SipLinks::send(sip::LinkId id, std::string_view bytes) {
    const auto found = links_.find(id.value);
    if (found != links_.end() && found->second->ready()) found->second->send(bytes);
}

std::string SipLinks::address_of(sip::LinkId id) const {
    const auto found = links_.find(id.value);
    return found == links_.end() ? std::string{} : found->second->remote().to_string();
}

// ---- from us

void SipLinks::send_to_domain(const std::string& local, const std::string& remote, std::string bytes, Sent sent) {
    const auto settings = settings_();
    const auto domain = policy_domain(remote);
    if (closing_ || !settings->policy.sip_allowed(domain)) return sent(std::nullopt);
    const auto key = local + ' ' + domain;
    if (!routes_.contains(key)) make_room();
    auto& route = routes_[key];
    route.local = local;
    route.remote = domain;
    const auto rule = settings->policy.settings(domain);
    // An ACK or CANCEL belongs to a request that has been counted, and is worth nothing later.
    const bool at_once = bytes.starts_with("ACK ") || bytes.starts_with("CANCEL ") || is_unpaced(route, rule);
    const auto pace = pace_for(rule);
    const auto now = executor_.clock().now();
    if (route.link && is_outdated(*route.link, rule)) std::exchange(route.link, nullptr)->close();
    if (route.link && (at_once || (route.queue.empty() && route.pace.take({pace.per_second, pace.burst}, now)))) {
        if (route.link->unsent() > settings->limits.s2s_queue_bytes) return sent(std::nullopt);
        send_by(*route.link, bytes);
        return sent(route.link->id());
    }
    if (route.queue.size() >= settings->limits.s2s_queue_stanzas ||
        route.queue.bytes() + bytes.size() > settings->limits.s2s_queue_bytes)
        return sent(std::nullopt);
    route.queue.push(std::move(bytes), std::move(sent), now);
    if (route.link)
        drain(route);
    else if (!route.busy && !route.redials.pending())
        dial(route);
}

// A load test on this machine, which names its next hop, is not slowed down.
bool SipLinks::is_unpaced(const Route& route, const im::DomainRule& rule) const {
    return route.link && !rule.next_hop.empty() && route.link->remote().is_loopback();
}

// COMPAT(LCS): its clients may never answer a MESSAGE, so that silence after one says nothing of the connection.
void SipLinks::send_by(Link& link, std::string_view bytes) {
    for (const std::string_view quiet : {"ACK ", "CANCEL ", "MESSAGE "})
        if (bytes.starts_with(quiet)) return link.send(bytes);
    link.ask(bytes);
}

// A partner that we may ask quickly answers as quickly, with a notification for each subscription.
void SipLinks::set_rate(Link& link, const std::string& domain) {
    const auto settings = settings_();
    const auto pace = pace_for(settings->policy.settings(domain));
    const int usual = settings->limits.sip_requests_per_second;
    link.set_rate(pace.trusted ? std::max(usual, 2 * pace.per_second) : usual, rates_.of(domain));
}

// Some partners stop to answer who asks too often.
void SipLinks::drain(Route& route) {
    const auto rule = settings_()->policy.settings(route.remote);
    const auto pace = pace_for(rule);
    const auto now = executor_.clock().now();
    give_up(route.queue.older_than(now - in_queue));
    while (!route.queue.empty() && route.link &&
           (is_unpaced(route, rule) || route.pace.take({pace.per_second, pace.burst}, now))) {
        auto item = route.queue.pop();
        send_by(*route.link, item.bytes);
        item.sent(route.link->id());
    }
    if (route.queue.empty() || !route.link) return;
    const auto key = route.local + ' ' + route.remote;
    route.drains = executor_.after(std::max(Millis{1}, route.pace.wait({pace.per_second, pace.burst}, now)),
                                   [this, key] { drain(routes_[key]); });
}

void SipLinks::retry(const std::string& remote) {
    if (const auto known = expected_.find(remote); known != expected_.end() && !known->second.search)
        known->second.until = {};
    for (auto& [key, route] : routes_) {
        if (route.remote != remote || route.link || route.busy || closing_) continue;
        route.redials = {};
        route.back_off = Millis{0};
        dial(route);
    }
}

void SipLinks::give_up(std::vector<SendQueue::Item> items) {
    for (auto& item : items) item.sent(std::nullopt);
}

bool SipLinks::connected_to(const std::string& remote) const {
    return std::any_of(routes_.begin(), routes_.end(),
                       [&](const auto& entry) { return entry.second.link && entry.second.remote == remote; });
}

void SipLinks::dial(Route& route) {
    route.busy = true;
    const auto key = route.local + ' ' + route.remote;
    route.search = SipTargetSearch::start(
        network_, executor_, random_, net::to_ascii_domain(route.remote), settings_()->policy.settings(route.remote),
        [this, key](Result<std::deque<SipTarget>> found) {
            auto& self = routes_[key];
            if (!found) return dial_next(key, found.error().detail, im::PartnerEvent::Fault::dns);
            self.targets = *std::move(found);
            dial_next(key, {});
        },
        clearing_house(settings_()->policy, settings_()->policy.settings(route.remote)));
}

void SipLinks::dial_next(const std::string& key, const std::string& why, im::PartnerEvent::Fault fault) {
    auto& route = routes_[key];
    route.dialled = nullptr;
    if (!why.empty()) {
        route.why = why;
        route.since = executor_.clock().wall();
        if (fault != im::PartnerEvent::Fault::none) route.fault = fault;
    }
    if (route.targets.empty() || closing_) return fail(route);
    route.target = std::move(route.targets.front());
    route.targets.pop_front();
    network_.connect(executor_, route.target.endpoint, connect_patience,
                     [this, weak = std::weak_ptr<int>(alive_), key](Result<std::unique_ptr<net::Connection>> result) {
                         if (!weak.expired()) connected(key, std::move(result));
                     });
}

void SipLinks::connected(const std::string& key, Result<std::unique_ptr<net::Connection>> connection) {
    auto& route = routes_[key];
    if (!connection) return dial_next(key, connection.error().detail, im::fault_of(connection.error()));
    if (closing_) return fail(route);
    const auto settings = settings_();
    const bool legacy = settings->policy.settings(route.remote).legacy_tls(executor_.clock().wall());
    const auto& contexts = legacy ? settings->legacy_domains : settings->domains;
    const auto own = contexts.find(route.local);
    const auto context = own == contexts.end() ? nullptr : own->second;
    if (route.target.tls && !context)
        return dial_next(key, "no certificate for " + route.local, im::PartnerEvent::Fault::no_proof);
    auto& link = add(*std::move(connection));
    routes_of_links_[link.id().value] = key;
    route.dialled = &link;
    if (route.target.tls)
        link.start_tls(context, net::Connection::TlsRole::client, route.target.host, settings->limits.tls_handshake);
    else
        link.start();
}

void SipLinks::fail(Route& route) {
    route.busy = false;
    route.search.reset();
    route.targets.clear();
    route.back_off = std::clamp(route.back_off * 2, first_back_off, longest_back_off);
    if (!closing_)
        log_.say(executor_.clock().now(), LogLevel::warning, route.remote + " unreachable",
                 "SIP: " + route.remote + " cannot be reached: " + route.why);
    if (!closing_) {
        im::PartnerEvent event;
        event.what = im::PartnerEvent::What::failed;
        event.fault = route.fault;
        event.by_us = true;
        event.detail = route.why;
        note(route.local, route.remote, std::move(event));
    }
    if (closing_) return give_up(route.queue.all());
    // Younger requests wait for another attempt; so do those that come until then.
    const auto key = route.local + ' ' + route.remote;
    route.redials = executor_.after(route.back_off, [this, key] {
        auto& self = routes_[key];
        self.redials = {};
        if (!self.link && !self.busy && !self.queue.empty() && !closing_) dial(self);
    });
    give_up(route.queue.older_than(executor_.clock().now() - without_connection));
}

// There are as many routes as partners, but for a rule about subdomains, of which anybody can make up any number:
// theirs go when nothing happens there.
void SipLinks::make_room() {
    const auto settings = settings_();
    const auto& policy = settings->policy;
    if (routes_.size() >= most_made_up)
        std::erase_if(routes_, [&policy](const auto& entry) {
            const auto& route = entry.second;
            const bool idle = !route.link && !route.dialled && !route.busy && route.queue.empty() &&
                              !route.redials.pending() && !route.drains.pending();
            return idle && !policy.names(route.remote);
        });
    if (expected_.size() >= most_made_up)
        std::erase_if(expected_, [&policy](const auto& entry) {
            return !entry.second.search && entry.second.waiting.empty() && !policy.names(entry.first);
        });
}

// For `federation history`, and for a trace of one of the two domains.
void SipLinks::note(const std::string& local, const std::string& remote, im::PartnerEvent event) {
    event.local = local;
    if (trace_.on())
        trace_.link(local, remote, im::trace_step(event),
                    {{"detail", event.detail.empty() ? event.place : event.detail}});
    if (history_) history_->note(remote, settings_()->policy.names(remote), std::move(event), executor_.clock().wall());
}

void SipLinks::note_link(im::PartnerEvent::What what, const std::string& local, const std::string& remote,
                         const Link& link, const std::string& detail) {
    im::PartnerEvent event;
    event.what = what;
    event.by_us = !local.empty();
    event.detail = detail;
    const auto* route = route_of(link);
    event.place = (route ? route->target.host + ' ' : std::string()) + link.remote().to_string() +
                  (link.tls() ? ", " + link.tls()->protocol : ", TCP");
    note(local, remote, std::move(event));
}

SipLinks::Route* SipLinks::route_of(const Link& link) {
    const auto key = routes_of_links_.find(link.id().value);
    if (key == routes_of_links_.end()) return nullptr;
    const auto route = routes_.find(key->second);
    return route == routes_.end() ? nullptr : &route->second;
}

bool SipLinks::is_whom_we_dialled(const Link& link, const Route& route, std::string& why) const {
    const auto rule = settings_()->policy.settings(route.remote);
    const auto* tls = link.tls();
    switch (who_answered(tls, route.target, rule)) {
        case Answered::right: return true;
        case Answered::no_certificate: why = "it showed no certificate"; return false;
        case Answered::untrusted: why = "its certificate is not trusted: " + tls->peer->trust_error; return false;
        case Answered::other_name: break;
    }
    why = "its certificate names " + net::describe_names(*tls->peer) + ", and not " + name_expected(route.target, rule);
    return false;
}

void SipLinks::on_ready(Link& link) {
    auto* route = route_of(link);
    if (!route) return;  // the peer opened it: judged with each request
    std::string why;
    if (!is_whom_we_dialled(link, *route, why)) {
        route->why = route->target.host + " (" + link.remote().to_string() + "): " + why;
        route->fault = im::PartnerEvent::Fault::certificate;
        return link.close();  // on_gone() goes on with the next address
    }
    route->link = &link;
    route->why.clear();
    route->since = executor_.clock().wall();
    route->dialled = nullptr;
    route->busy = false;
    route->search.reset();
    route->targets.clear();
    route->back_off = Millis{0};
    route->redials = {};
    set_rate(link, route->remote);
    note_link(im::PartnerEvent::What::connected, route->local, route->remote, link, {});
    drain(*route);
    inbox_.on_link_up(route->remote);
}

void SipLinks::on_gone(Link& link, const Error& why) {
    held_.erase(link.id().value);
    std::string lost;
    vouched_.erase(link.id().value);
    if (auto spoke = speaks_for_.extract(link.id().value); !spoke.empty()) {
        lost = std::move(spoke.mapped());
        if (!closing_) note_link(im::PartnerEvent::What::lost, {}, lost, link, why.detail);
    }
    if (auto* route = route_of(link)) {
        const auto key = routes_of_links_[link.id().value];
        routes_of_links_.erase(link.id().value);
        if (route->link == &link) {
            lost = route->remote;
            if (!closing_) note_link(im::PartnerEvent::What::lost, route->local, lost, link, why.detail);
            route->link = nullptr;
            if (!route->queue.empty() && !closing_) dial(*route);  // what waited for its turn goes by the next one
        }
        if (route->dialled == &link) {
            // on_ready() has said what is wrong with who answered.
            const auto place = route->target.host + " (" + link.remote().to_string() + "): ";
            if (link.was_ready())
                dial_next(key, route->why);
            else
                dial_next(key, place + why.detail + about_old_tls(route->remote), im::PartnerEvent::Fault::tls);
        }
    } else if (!link.was_ready() && !closing_) {
        handshake_failed(link, why);
    }
    if (closing_ || link.idle_closed()) lost.clear();
    inbox_.on_link_down(link.id(), lost);
    forget_later(link.id());
}

}  // namespace parley::gateway
