#pragma once

#include <cstddef>

#include "base/clock.hpp"

namespace parley {

// What one peer may cost us. Every limit is a named value here with its default; the configuration may change it, a
// bench prints those it ran with. Sizes in bytes.
struct Limits {
    // XML. One tag is capped far below a stanza: expat re-scans an unfinished token at every feed, so that a 256 KiB
    // attribute sent a byte at a time would cost 43 s of CPU.
    std::size_t xml_tag = 16 * 1024;
    std::size_t xml_depth = 64;
    std::size_t xml_attributes = 128;
    std::size_t xml_namespaces = 64;

    std::size_t stanza_before_auth = 16 * 1024;  // RFC 6120 13.12 asks for at least 10,000
    std::size_t elements_before_auth = 64;
    std::size_t depth_before_auth = 16;
    std::size_t stanza_c2s = 256 * 1024;
    std::size_t stanza_s2s = 512 * 1024;

    Millis to_authenticate{30'000};
    Millis tls_handshake{10'000};
    int sasl_failures = 5;

    // Per address (an IPv6 /64 counts as one). Not applied to loopback.
    int unauthenticated_per_address = 20;
    int connections_per_address = 200;

    // What waits to be written to one peer: above `soft` its sources are not read, above `hard` the session is detached
    // and its messages go to disk.
    std::size_t outbound_soft = 1024 * 1024;
    std::size_t outbound_hard = 4 * 1024 * 1024;

    // XEP-0198.
    std::size_t unacked_stanzas = 1000;
    std::size_t unacked_bytes = 4 * 1024 * 1024;
    Millis resume_window{600'000};

    // Federation queues, per domain pair.
    std::size_t s2s_queue_stanzas = 1000;
    std::size_t s2s_queue_bytes = 4 * 1024 * 1024;
    std::size_t s2s_domains_connecting = 256;
    Millis s2s_connect{30'000};
    Millis s2s_answer{30'000};  // a partner that says nothing for so long, though it was asked, is gone
    Millis s2s_resume{60'000};  // how long a broken stream of a partner can be resumed

    std::size_t offline_messages = 1000;
    std::size_t offline_bytes = 10 * 1024 * 1024;
    std::size_t resources_per_account = 16;
    std::size_t roster_items = 2000;
    std::size_t policy_entries = 10'000;  // people and domains that a user allows or blocks

    // c2s token buckets: sustained rate and burst.
    int stanzas_per_second = 20;
    int stanzas_burst = 200;
    std::size_t bytes_per_second = 64 * 1024;
    std::size_t bytes_burst = 512 * 1024;
    int s2s_stanzas_per_second = 500;

    // Rooms.
    std::size_t rooms = 10'000;
    std::size_t rooms_per_user = 50;
    std::size_t room_occupants = 200;
    std::size_t room_contacts = 20;
    std::size_t room_history = 50;
    std::size_t room_text = 16 * 1024;
    int room_stanzas_per_second = 5;
    int room_stanzas_burst = 40;

    // SIP.
    std::size_t sip_head = 64 * 1024;
    std::size_t sip_header_line = 16 * 1024;
    std::size_t sip_header_fields = 128;
    std::size_t sip_body = 64 * 1024;
    int sip_requests_per_second = 200;
};

}  // namespace parley
