#include "server/transport_search.hpp"

#include <algorithm>

#include "net/srv.hpp"

namespace parley::server {

std::string_view srv_prefix(Service service) {
    switch (service) {
        case Service::xmpp: return "_xmpp-server._tcp.";
        case Service::xmpp_tls: return "_xmpps-server._tcp.";
        case Service::sips: return "_sips._tcp.";
        case Service::sip_federation: return "_sipfederationtls._tcp.";
        case Service::sip: break;
    }
    return "_sip._tcp.";
}

Result<PartnerWay> choose_way(const std::string& domain, const Published& published, im::TlsPolicy tls) {
    PartnerWay way;
    way.ttl = published.ttl;
    const bool sip = published[Service::sips] || published[Service::sip_federation] || published[Service::sip];
    if (published[Service::xmpp] || published[Service::xmpp_tls]) {
        way.by = published[Service::xmpp] ? Service::xmpp : Service::xmpp_tls;
        way.both = sip;
        return way;
    }
    way.transport = im::Transport::sip;
    // While DNS does not say whether there is XMPP, what it says of SIP holds for a short time only.
    if (published.xmpp_error) way.ttl = Seconds{0};
    if (published[Service::sips]) {
        way.by = Service::sips;
        way.profile = "simple";
        return way;
    }
    if (published[Service::sip_federation]) {
        way.by = Service::sip_federation;
        way.profile = "lync";
        return way;
    }
    if (published[Service::sip] && tls != im::TlsPolicy::required) {
        way.by = Service::sip;
        way.profile = "simple";
        return way;
    }
    if (const auto& error = published.xmpp_error ? published.xmpp_error : published.sip_error)
        return Error{error->code, "DNS does not say how " + domain + " is reached: " + error->detail};
    if (published[Service::sip])
        return Error{Errc::forbidden,
                     domain + " publishes SIP without TLS only (_sip._tcp), and its rule requires TLS"};
    return Error{Errc::not_found, domain +
                                      " publishes neither an XMPP server (_xmpp-server._tcp) nor a SIP server "
                                      "(_sips._tcp, _sipfederationtls._tcp) in DNS"};
}

std::shared_ptr<TransportSearch> TransportSearch::start(net::Network& network, Executor& executor,
                                                        const std::string& domain, Found found) {
    std::shared_ptr<TransportSearch> search(new TransportSearch(std::move(found)));
    for (const auto service : services)
        network.resolve_srv(executor, std::string(srv_prefix(service)) + domain,
                            [weak = search->weak_from_this(), service](Result<net::DnsAnswer<net::SrvRecord>> answer) {
                                if (const auto self = weak.lock()) self->answered(service, std::move(answer));
                            });
    return search;
}

void TransportSearch::answered(Service service, Result<net::DnsAnswer<net::SrvRecord>> answer) {
    if (!answer) {
        const bool xmpp = service == Service::xmpp || service == Service::xmpp_tls;
        (xmpp ? published_.xmpp_error : published_.sip_error) = answer.error();
    } else if (!answer->records.empty() && !net::decidedly_absent(answer->records)) {
        const bool first = std::none_of(published_.has.begin(), published_.has.end(), [](bool has) { return has; });
        published_.ttl = first ? answer->ttl : std::min(published_.ttl, answer->ttl);
        published_.has[static_cast<std::size_t>(service)] = true;
    }
    if (--open_ > 0) return;
    const auto self = shared_from_this();  // `found_` may drop the last other owner
    if (const auto found = std::move(found_)) found(std::move(published_));
}

}  // namespace parley::server
