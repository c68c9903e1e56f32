#include "server/s2s/overview.hpp"

#include "net/identity.hpp"

namespace parley::server {

im::PartnerOverview::Connection describe_connection(const net::Endpoint& remote, const net::TlsInfo* tls,
                                                    TimePoint since) {
    im::PartnerOverview::Connection out;
    out.place = remote.to_string();
    out.since = since;
    if (!tls) return out;
    out.tls = tls->protocol + ' ' + tls->cipher;
    if (tls->peer) {
        out.certificate = net::describe_names(*tls->peer);
        out.sha256 = tls->peer->sha256;
    }
    return out;
}

}  // namespace parley::server
