#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/limits.hpp"
#include "base/random.hpp"
#include "cluster/local/local_bus.hpp"
#include "im/federation_policy.hpp"
#include "im/partner_history.hpp"
#include "im/partner_transports.hpp"
#include "im/refusals.hpp"
#include "im/router.hpp"
#include "im/sentences.hpp"
#include "im/trace.hpp"
#include "net/connection.hpp"
#include "net/tls_context.hpp"

namespace parley::server {

class PoshDocuments;  // s2s/posh.hpp
class Shard;

// What an administrator may change while the node runs. Read through a snapshot: a change is a new value.
struct Settings {
    // Each local domain with its certificate; c2s and s2s may use the same context.
    std::map<std::string, std::shared_ptr<net::TlsContext>, std::less<>> domains;
    // The same certificates for streams between servers, in both directions: these ask for the peer's certificate.
    std::map<std::string, std::shared_ptr<net::TlsContext>, std::less<>> s2s_contexts;
    // Domains whose addresses are rooms, each with the local domain beside which it stands.
    std::map<std::string, std::string, std::less<>> room_domains;
    im::Sentences sentences = [](std::string_view, const std::vector<std::string>&) {
        return std::vector<im::Sentence>{};
    };
    im::FederationPolicy policy;
    bool disclose_reasons = true;  // who is refused is told why; otherwise a reference alone
    Limits limits;
    bool offer_plain = true;  // SASL PLAIN, inside TLS only
    bool dnssec = false;      // DNS answers are validated: partners may be proven by TLSA records (RFC 7673)
    std::shared_ptr<net::TlsContext>
        posh_tls;  // to ask web servers of partners (RFC 7711); nullptr: they are not asked
    // The answers of clients that are not native change their users' policy lists too (requirements D4).
    bool third_party_decisions_count = false;

    // For streams between servers of a local domain or a room domain; nullptr: it is neither.
    std::shared_ptr<net::TlsContext> s2s_context(std::string_view domain) const {
        const auto room = room_domains.find(domain);
        const auto found = s2s_contexts.find(room == room_domains.end() ? domain : std::string_view(room->second));
        return found == s2s_contexts.end() ? nullptr : found->second;
    }
};

// Kept apart from Settings so that a thousand readers a second share one counter at most.
class SettingsHolder {
public:
    std::shared_ptr<const Settings> get() const {
        const std::lock_guard lock(mutex_);
        return settings_;
    }
    void set(std::shared_ptr<const Settings> settings) {
        const std::lock_guard lock(mutex_);
        settings_ = std::move(settings);
        version_.fetch_add(1, std::memory_order_release);
    }
    unsigned version() const { return version_.load(std::memory_order_acquire); }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<const Settings> settings_ = std::make_shared<Settings>();
    std::atomic<unsigned> version_{0};
};

// What all shards of the process share.
struct Node {
    net::Network& network;
    Random& random;
    SettingsHolder settings;
    cluster::LocalBus bus;
    std::vector<Shard*> shards;
    std::string secret;   // for fake SCRAM salts and dialback keys; from the store
    std::string version;  // XEP-0092
    // Somebody whom that user has blocked wrote: one call a pair an hour, on the shard's thread.
    std::function<void(const xmpp::Jid& user, const xmpp::Jid& sender)> unheard{};
    // Decides for domains whose rule says `automatic`; nullptr: they are XMPP domains.
    im::PartnerTransports* transports = nullptr;
    PoshDocuments* posh = nullptr;  // used where Settings::posh_tls is set
    im::PartnerHistory history{};
    im::Refusals refusals{};
    mutable im::Tracer tracer{};
};

// Totals since start, for `parleyctl status` and the metrics. Written by shards, read by anyone.
struct Counters {
    std::atomic<std::uint64_t> sessions{0}, logins{0}, login_failures{0}, messages{0}, delivered{0}, stored{0},
        bounced{0}, limit_hits{0};
    std::atomic<std::uint64_t> unheard{0};  // messages from somebody whom their recipient has blocked
};

}  // namespace parley::server
