#include "admin/config_schema.hpp"

namespace parley::admin {
namespace {

using Unit = LimitSpec::Unit;

template <auto Member>
std::int64_t get(const Limits& limits) {
    if constexpr (std::is_same_v<std::decay_t<decltype(limits.*Member)>, Millis>)
        return (limits.*Member).count();
    else
        return static_cast<std::int64_t>(limits.*Member);
}
template <auto Member>
void set(Limits& limits, std::int64_t value) {
    using T = std::decay_t<decltype(limits.*Member)>;
    if constexpr (std::is_same_v<T, Millis>)
        limits.*Member = Millis(value);
    else
        limits.*Member = static_cast<T>(value);
}
template <auto Member>
constexpr LimitSpec limit(std::string_view name, Unit unit, std::int64_t least, std::int64_t most,
                          std::string_view help) {
    return {name, unit, least, most, &get<Member>, &set<Member>, help};
}

constexpr std::int64_t kib = 1024, mib = 1024 * kib, second = 1000, hour = 3600 * second;

}  // namespace

const std::vector<LimitSpec>& limit_specs() {
    // The least values keep the standards' promises (RFC 6120 13.12: stanzas of 10,000 bytes must pass).
    static const std::vector<LimitSpec> specs{
        limit<&Limits::xml_tag>("xml_tag", Unit::bytes, 4 * kib, 64 * kib, "one tag with its attributes"),
        limit<&Limits::xml_depth>("xml_depth", Unit::count, 8, 256, "elements within elements"),
        limit<&Limits::xml_attributes>("xml_attributes", Unit::count, 16, 1024, "attributes of one element"),
        limit<&Limits::xml_namespaces>("xml_namespaces", Unit::count, 8, 1024, "namespace declarations of one stanza"),
        limit<&Limits::stanza_before_auth>("stanza_before_auth", Unit::bytes, 10'000, mib, "one element before log-in"),
        limit<&Limits::elements_before_auth>("elements_before_auth", Unit::count, 8, 1024, "elements before log-in"),
        limit<&Limits::depth_before_auth>("depth_before_auth", Unit::count, 4, 64, "depth before log-in"),
        limit<&Limits::stanza_c2s>("stanza_c2s", Unit::bytes, 10'000, 16 * mib, "one stanza of a client"),
        limit<&Limits::stanza_s2s>("stanza_s2s", Unit::bytes, 10'000, 16 * mib, "one stanza of a partner"),
        limit<&Limits::to_authenticate>("to_authenticate", Unit::duration, second, 600 * second, "time to log in"),
        limit<&Limits::tls_handshake>("tls_handshake", Unit::duration, second, 120 * second, "time for TLS"),
        limit<&Limits::sasl_failures>("sasl_failures", Unit::count, 1, 100, "wrong passwords a connection"),
        limit<&Limits::unauthenticated_per_address>("unauthenticated_per_address", Unit::count, 1, 100'000,
                                                    "connections of one address that have not logged in"),
        limit<&Limits::connections_per_address>("connections_per_address", Unit::count, 1, 1'000'000,
                                                "connections of one address"),
        limit<&Limits::outbound_soft>("outbound_soft", Unit::bytes, 64 * kib, 256 * mib,
                                      "waiting for one receiver: above it its messages wait on disk"),
        limit<&Limits::outbound_hard>("outbound_hard", Unit::bytes, 64 * kib, 1024 * mib,
                                      "waiting for one receiver: above it its session is cut"),
        limit<&Limits::unacked_stanzas>("unacked_stanzas", Unit::count, 10, 100'000,
                                        "kept for a resumption, in stanzas"),
        limit<&Limits::unacked_bytes>("unacked_bytes", Unit::bytes, 64 * kib, 256 * mib,
                                      "kept for a resumption, in bytes"),
        limit<&Limits::resume_window>("resume_window", Unit::duration, 0, 24 * hour,
                                      "how long a lost session can be resumed"),
        limit<&Limits::s2s_queue_stanzas>("s2s_queue_stanzas", Unit::count, 10, 1'000'000,
                                          "waiting for one partner, in stanzas"),
        limit<&Limits::s2s_queue_bytes>("s2s_queue_bytes", Unit::bytes, 64 * kib, 1024 * mib,
                                        "waiting for one partner, in bytes"),
        limit<&Limits::s2s_domains_connecting>("s2s_domains_connecting", Unit::count, 1, 100'000,
                                               "partners being connected at a time"),
        limit<&Limits::s2s_connect>("s2s_connect", Unit::duration, second, 300 * second, "time to reach a partner"),
        limit<&Limits::s2s_answer>("s2s_answer", Unit::duration, second, 300 * second,
                                   "a partner that does not answer for so long is gone"),
        limit<&Limits::s2s_resume>("s2s_resume", Unit::duration, 0, 3600 * second,
                                   "how long a broken stream between servers can be resumed"),
        limit<&Limits::offline_messages>("offline_messages", Unit::count, 0, 1'000'000,
                                         "kept for an absent user, in messages"),
        limit<&Limits::offline_bytes>("offline_bytes", Unit::bytes, 0, 1024 * mib, "kept for an absent user, in bytes"),
        limit<&Limits::resources_per_account>("resources_per_account", Unit::count, 1, 1000,
                                              "devices of a user at a time"),
        limit<&Limits::roster_items>("roster_items", Unit::count, 10, 100'000, "contacts of a user"),
        limit<&Limits::policy_entries>("policy_entries", Unit::count, 10, 100'000,
                                       "people and domains that a user allows or blocks"),
        limit<&Limits::stanzas_per_second>("stanzas_per_second", Unit::count, 1, 100'000, "a client, sustained"),
        limit<&Limits::stanzas_burst>("stanzas_burst", Unit::count, 1, 1'000'000, "a client, at once"),
        limit<&Limits::bytes_per_second>("bytes_per_second", Unit::bytes, kib, 1024 * mib, "a client, sustained"),
        limit<&Limits::bytes_burst>("bytes_burst", Unit::bytes, kib, 1024 * mib, "a client, at once"),
        limit<&Limits::s2s_stanzas_per_second>("s2s_stanzas_per_second", Unit::count, 1, 1'000'000,
                                               "a partner, sustained"),
        limit<&Limits::rooms>("rooms", Unit::count, 0, 1'000'000, "rooms in all"),
        limit<&Limits::rooms_per_user>("rooms_per_user", Unit::count, 0, 100'000, "rooms that one user may make"),
        limit<&Limits::room_occupants>("room_occupants", Unit::count, 2, 10'000, "people in a room"),
        limit<&Limits::room_contacts>("room_contacts", Unit::count, 0, 1000,
                                      "people of SIP partners in a room, and those who have left it"),
        limit<&Limits::room_history>("room_history", Unit::count, 0, 1000, "messages that a room keeps"),
        limit<&Limits::room_text>("room_text", Unit::bytes, kib, 256 * kib, "one message in a room"),
        limit<&Limits::room_stanzas_per_second>("room_stanzas_per_second", Unit::count, 1, 1000,
                                                "one person in a room, sustained"),
        limit<&Limits::room_stanzas_burst>("room_stanzas_burst", Unit::count, 1, 100'000,
                                           "one person in a room, at once"),
        limit<&Limits::sip_head>("sip_head", Unit::bytes, 4 * kib, mib, "start line and headers of a SIP message"),
        limit<&Limits::sip_header_line>("sip_header_line", Unit::bytes, kib, 256 * kib, "one SIP header"),
        limit<&Limits::sip_header_fields>("sip_header_fields", Unit::count, 32, 4096, "headers of a SIP message"),
        limit<&Limits::sip_body>("sip_body", Unit::bytes, kib, 16 * mib, "body of a SIP message"),
        limit<&Limits::sip_requests_per_second>("sip_requests_per_second", Unit::count, 1, 100'000,
                                                "a SIP partner, sustained"),
    };
    return specs;
}

}  // namespace parley::admin
