#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "admin/config.hpp"
#include "admin/report.hpp"
#include "base/executor.hpp"
#include "base/random.hpp"
#include "gateway/federation/settings.hpp"
#include "im/partner_overview.hpp"
#include "net/connection.hpp"
#include "server/node.hpp"
#include "server/s2s/inbound_seen.hpp"
#include "server/transport_finder.hpp"

namespace parley::look {

// What a look at a partner needs of the running node. The references outlive every look.
struct Parts {
    net::Network& network;
    Executor& executor;  // of the main loop: looks take no time of a shard
    Random& random;
    std::shared_ptr<const admin::Config> config;
    std::shared_ptr<const server::Settings> configured;                 // the rules as they were written
    std::function<std::shared_ptr<const server::Settings>()> settings;  // in force: with what DNS has decided
    std::function<std::shared_ptr<const gateway::SipSettings>()> sip;
    server::TransportFinder& transports;
    std::string secret;                     // for dialback keys
    server::PoshDocuments* posh = nullptr;  // nullptr: web servers of partners are not asked
    // What has come from that domain over XMPP, and why its release is refused (empty: it is not).
    std::function<server::InboundSeen::Seen(const std::string& domain)> inbound;
    std::function<std::string(const std::string& domain)> refused_release;
    // Waits for the notification of a look-up; `notified` gets the address that it came from. Ends with `forget`.
    std::function<void(const std::string& call_id, Function<void(std::string)> notified)> expect_notification;
    std::function<void(const std::string& call_id)> forget_notification;
    // What there is between us and that domain, of all shards; `done` runs on `executor`.
    std::function<void(const std::string& domain, Function<void(im::PartnerOverview)> done)> overview;
};

using Verdict = admin::Finding::Verdict;
using Reported = Function<void(admin::Report)>;

// "2026-11-29 09:08:19 UTC"
std::string time_text(TimePoint time);
// Why TLS failed, from OpenSSL's words, with what to do; `name` is what our certificate should name.
std::pair<admin::Message, std::optional<admin::Message>> tls_fault(const std::string& detail, const std::string& name);
// What is wrong with a certificate that is not trusted, and what to do.
std::pair<admin::Message, admin::Message> trust_fault(const net::PeerCertificate& certificate, TimePoint now);
// Who has issued it, its dates, and what it came with.
admin::Message certificate_details(const net::PeerCertificate& certificate);
// How many whole days it is still valid, when that is less than three weeks.
std::optional<int> expires_soon(const net::PeerCertificate& certificate, TimePoint now);

// By what a partner has proven who it is, from im::PartnerOverview::Connection::proof; nothing when that is empty.
std::optional<admin::Message> describe_proof(const std::string& proof);

}  // namespace parley::look
