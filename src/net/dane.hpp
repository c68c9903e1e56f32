#pragma once

#include <string>
#include <vector>

#include "net/tlsa.hpp"

namespace parley::net {

class TlsContext;

// What TLSA records, known to be genuine, say of the certificates that a peer has shown (RFC 6698 2.1, RFC 7671).
struct DaneVerdict {
    bool matches = false;
    // RFC 7671 5: with DANE-EE the key alone counts; with the other usages the certificate must name the peer too.
    bool name_counts = true;
    std::string detail{};  // the record that matches, or why none does
};

// `records` are usable ones; none: no match. `shown` is DER, the peer's own certificate first, as from
// Connection::peer_certificates(). The roots for the usages 0 and 1 are those of `context`, and so are the bounds for
// keys. Usages other than DANE-EE ask for valid dates and a usage for servers, or for clients if `as_client`. Names are
// not looked at. Any thread.
DaneVerdict check_tlsa(const std::vector<TlsaRecord>& records, const std::vector<std::string>& shown,
                       const TlsContext& context, bool as_client);

// What a server with this context shows: DER, its own first; empty without a certificate.
std::vector<std::string> own_certificates(const TlsContext& context);

}  // namespace parley::net
