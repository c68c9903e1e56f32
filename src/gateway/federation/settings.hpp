#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.hpp"
#include "gateway/mapping/address.hpp"
#include "im/federation_policy.hpp"
#include "im/partner_transports.hpp"
#include "net/tls_context.hpp"

namespace parley::gateway {

// What an administrator may change while the gateway runs: a change is a new value.
struct SipSettings {
    // Each local domain with the certificate that its SIP side shows, and asks for (mutual TLS). A null context: this
    // domain speaks plain TCP only.
    std::map<std::string, std::shared_ptr<net::TlsContext>, std::less<>> domains;
    // For the TLS listener; chooses among `domains` by SNI. Null: the context of the first domain.
    std::shared_ptr<net::TlsContext> inbound_tls;
    // The same for partners whose rule has legacy TLS; empty while no rule has it.
    std::map<std::string, std::shared_ptr<net::TlsContext>, std::less<>> legacy_domains;
    std::shared_ptr<net::TlsContext> legacy_inbound;
    RoomDomains rooms;
    im::FederationPolicy policy;
    bool disclose_reasons = true;  // who is refused is told why; otherwise a reference alone
    // Decides for domains whose rule says `automatic`; nullptr: they are SIP domains. Not owned.
    im::PartnerTransports* transports = nullptr;
    Limits limits;
    // The sentence of that id about a partner's user, once for each language: for notices to our users. Empty: none are
    // sent.
    struct Sentence {
        std::string language, text;  // the first one is the default
    };
    std::function<std::vector<Sentence>(std::string_view id, const std::string& about)> sentences{};
};

// The current value; called from every shard's thread.
using SipSettingsSource = std::function<std::shared_ptr<const SipSettings>()>;

// A domain as the policy has it (U-labels, lower case); "" for what is no domain.
std::string policy_domain(std::string_view host);

}  // namespace parley::gateway
