#pragma once

#include <string_view>

#include "net/connection.hpp"

struct x509_st;

namespace parley::net {

// The names, the dates and the fingerprint of a certificate; `trusted` stays false. A name that is not what its type
// allows (a NUL or another control character, bytes above ASCII in a dNSName, no UTF-8) is left out: it must match
// nothing. At most `max_certificate_names` names of each kind are taken.
PeerCertificate read_certificate(x509_st* certificate);
Result<PeerCertificate> read_certificate_der(std::string_view der);

// The usage of a server is enough for a peer that connects to us too: public CAs issue no other to servers.
bool may_speak(x509_st* certificate, bool as_client);

std::string der_of(x509_st* certificate);
// Empty, or that it is none, has expired or is not valid yet.
std::string date_problem(std::string_view der);

inline constexpr std::size_t max_certificate_names = 1000;

}  // namespace parley::net
