#pragma once

#include <string_view>

#include "im/federation_policy.hpp"

namespace parley::server {

// XEP-0288: the request, and the stream feature that offers it.
inline constexpr std::string_view ns_bidi = "urn:xmpp:bidi", ns_bidi_feature = "urn:xmpp:features:bidi";

// Whether stanzas may go both ways on one stream with this partner (XEP-0288). Both sides are then known by their
// certificates: dialback proves the side that opened the stream, and the other one only as far as DNS is to be
// believed.
inline bool both_ways_by(const im::DomainRule& rule) {
    return rule.bidi && rule.external_in && rule.external_out && rule.tls != im::TlsPolicy::off;
}

}  // namespace parley::server
