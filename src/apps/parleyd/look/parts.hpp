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
#include "net/connection.hpp"
#include "server/node.hpp"
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
};

using Verdict = admin::Finding::Verdict;
using Reported = Function<void(admin::Report)>;

// "2026-11-29 09:08:19 UTC"
std::string time_text(TimePoint time);
// Why TLS failed, from OpenSSL's words, with what to do; `name` is what our certificate should name.
std::pair<admin::Message, std::optional<admin::Message>> tls_fault(const std::string& detail, const std::string& name);
// What is wrong with the chain, and what to do.
std::pair<admin::Message, admin::Message> trust_fault(const std::string& trust_error);

// By what a partner has proven who it is, from im::PartnerOverview::Connection::proof; nothing when that is empty.
std::optional<admin::Message> describe_proof(const std::string& proof);

}  // namespace parley::look
