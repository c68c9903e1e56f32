#include "gateway/federation/links.hpp"
#include "gateway/federation/sip_domains.hpp"
#include "net/identity.hpp"

// What `parleyctl federation show` and `federation sessions` say of SIP partners.
namespace parley::gateway {
namespace {

im::PartnerOverview::Connection describe(const Link& link) {
    im::PartnerOverview::Connection out;
    out.place = link.remote().to_string();
    out.since = link.since();
    if (const auto* tls = link.tls()) {
        out.tls = tls->protocol + ' ' + tls->cipher;
        if (tls->peer) {
            out.certificate = net::describe_names(*tls->peer);
            out.sha256 = tls->peer->sha256;
        }
    }
    return out;
}

}  // namespace

void SipLinks::describe(const std::string& domain, im::PartnerOverview& out) const {
    for (const auto& [key, route] : routes_) {
        if (route.remote != domain) continue;
        out.queued += route.queue.size();
        if (route.link) {
            auto connection = gateway::describe(*route.link);
            connection.by_us = true;
            connection.local = route.local;
            connection.place = route.target.host + ' ' + connection.place;
            out.connections.push_back(std::move(connection));
        } else if (!route.why.empty()) {
            out.failures.push_back({route.local, route.why, route.since});
        }
    }
    for (const auto& [id, speaks_for] : speaks_for_) {
        const auto link = links_.find(id);
        if (speaks_for == domain && link != links_.end() && out.connections.size() < im::PartnerOverview::most_listed)
            out.connections.push_back(gateway::describe(*link->second));
    }
    if (const auto refused = refusals_.find(domain); refused != refusals_.end())
        out.failures.push_back({{}, refused->second.why, refused->second.at});
}

void SipDomains::describe(const std::string& domain, im::PartnerOverview& out) const {
    const auto concerns = [&](const Pair& pair) { return domain.empty() || pair.second.domain() == domain; };
    for (const auto& [pair, contact] : contacts_) {
        if (!concerns(pair)) continue;
        ++out.watched;
        out.confirmed += contact.active ? 1 : 0;
        using State = im::PartnerOverview::Watch::State;
        const auto state = contact.active   ? State::active
                           : contact.usage  ? State::asked
                           : contact.queued ? State::queued
                                            : State::waiting;
        if (!domain.empty() && out.watches.size() < out.most_listed)
            out.watches.push_back({pair.first, pair.second, true, state});
    }
    for (const auto& [pair, watchers] : watchers_) {
        if (!concerns(pair) || watchers.usages.empty()) continue;
        ++out.watchers;
        using State = im::PartnerOverview::Watch::State;
        if (!domain.empty() && out.watches.size() < out.most_listed)
            out.watches.push_back({pair.first, pair.second, false, watchers.authorised ? State::active : State::asked});
    }
    conversations_.describe(domain, out);
}

void Conversations::describe(const std::string& domain, im::PartnerOverview& out) const {
    if (const auto refused = refused_.find(domain); refused != refused_.end())
        out.undelivered.push_back({{}, refused->second.why, refused->second.at});
    for (const auto& [pair, conversation] : conversations_) {
        if (!domain.empty() && pair.second.domain() != domain) continue;
        out.queued += conversation.waiting.size();
        if (!conversation.session) continue;
        ++out.sessions;
        if (out.talks.size() < im::PartnerOverview::most_listed) out.talks.push_back(pair);
    }
}

}  // namespace parley::gateway
