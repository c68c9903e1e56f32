#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "im/federation_policy.hpp"
#include "net/connection.hpp"

namespace parley::server {

// What a domain publishes in DNS of XMPP between servers and of SIP between domains.
enum class Service { xmpp, xmpp_tls, sips, sip_federation, sip };
inline constexpr std::array services{Service::xmpp, Service::xmpp_tls, Service::sips, Service::sip_federation,
                                     Service::sip};
std::string_view srv_prefix(Service service);  // "_xmpp-server._tcp."

struct Published {
    std::array<bool, services.size()> has{};
    std::optional<Error> xmpp_error, sip_error;  // DNS gave no answer about at least one of the names
    Seconds ttl{0};                              // of the record that runs out first
    bool operator[](Service service) const { return has[static_cast<std::size_t>(service)]; }
};

// How a domain is reached, and why.
struct PartnerWay {
    im::Transport transport = im::Transport::xmpp;
    std::string profile;  // of SIP, where the records tell the kind; else empty
    Service by = Service::xmpp;
    bool both = false;  // it publishes the other protocol too
    Seconds ttl{0};
    bool operator==(const PartnerWay&) const = default;
};

// The rule, as docs/how-to/allow-a-partner.md has it: XMPP where the domain publishes it, since nothing is lost on the
// way then; else SIP, `_sips._tcp` (a standard server) before `_sipfederationtls._tcp` (a Microsoft edge) before
// `_sip._tcp` (no TLS), which counts only where the rule's `tls` is not `required`.
Result<PartnerWay> choose_way(const std::string& domain, const Published& published, im::TlsPolicy tls);

// Asks DNS for all of it, on one thread. Dropping the result cancels the search.
class TransportSearch : public std::enable_shared_from_this<TransportSearch> {
public:
    using Found = Function<void(Published)>;
    static std::shared_ptr<TransportSearch> start(net::Network& network, Executor& executor, const std::string& domain,
                                                  Found found);

private:
    explicit TransportSearch(Found found) : found_(std::move(found)) {}
    void answered(Service service, Result<net::DnsAnswer<net::SrvRecord>> answer);

    Found found_;
    Published published_;
    std::size_t open_ = services.size();
};

}  // namespace parley::server
