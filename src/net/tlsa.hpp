#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley::net {

// A TLSA record (RFC 6698 2.1): which certificate or key a TLS server shows. The numbers are those of the wire; RFC
// 7218 has their names. Whoever publishes it chooses every byte.
struct TlsaRecord {
    std::uint8_t usage = 0;     // 0 PKIX-TA, 1 PKIX-EE, 2 DANE-TA, 3 DANE-EE
    std::uint8_t selector = 0;  // 0 the certificate, 1 its public key
    std::uint8_t matching = 0;  // 0 as it is, 1 SHA-256, 2 SHA-512
    std::string data{};         // bytes, not hex
    bool operator==(const TlsaRecord&) const = default;
};

inline constexpr std::uint8_t tlsa_dane_ee = 3;

// RDATA of a TLSA record; nothing when it is too short or longer than any certificate that we would read.
std::optional<TlsaRecord> parse_tlsa(std::string_view rdata);

// RFC 6698 4.1: of a kind that we know, and with data that can match something. Others count as if they were not there.
bool is_usable(const TlsaRecord& record);
std::vector<TlsaRecord> usable(std::vector<TlsaRecord> records);

// As in a zone file: "3 1 1 8755cdaa...".
std::string to_string(const TlsaRecord& record);

// Where the records of a server stand (RFC 6698 3): "_5269._tcp.xmpp.example.com".
std::string tlsa_name(std::string_view host, std::uint16_t port);

// "DANE-EE, public key, SHA-256" for a certificate in DER: what to publish (RFC 7671 5.1). Nothing when it is none.
std::optional<TlsaRecord> tlsa_for_key_of(std::string_view certificate_der);

}  // namespace parley::net
