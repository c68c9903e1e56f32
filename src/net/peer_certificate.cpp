#include "net/peer_certificate.hpp"

#include <algorithm>
#include <ctime>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/printable.hpp"
#include "base/text.hpp"

namespace parley::net {
namespace {

std::string_view bytes_of(const ASN1_STRING* text) {
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
            static_cast<std::size_t>(ASN1_STRING_length(text))};
}

bool printable_ascii(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

bool clean_utf8(std::string_view text) {
    return !text.empty() && printable(text, text.size()) == text;
}

void keep(std::vector<std::string>& names, std::string_view name, bool usable) {
    if (usable && names.size() < max_certificate_names) names.emplace_back(name);
}

const ASN1_OBJECT* dns_srv_type() {
    static const ASN1_OBJECT* const type = OBJ_txt2obj("1.3.6.1.5.5.7.8.7", 1);
    return type;
}
const ASN1_OBJECT* xmpp_addr_type() {
    static const ASN1_OBJECT* const type = OBJ_txt2obj("1.3.6.1.5.5.7.8.5", 1);
    return type;
}

void read_other_name(const OTHERNAME& other, PeerCertificate& out) {
    if (other.value == nullptr) return;
    // RFC 4985: an SRVName is an IA5String; RFC 6120 13.7.1.4: an XmppAddr is a UTF8String.
    if (OBJ_cmp(other.type_id, dns_srv_type()) == 0 && other.value->type == V_ASN1_IA5STRING) {
        const auto name = bytes_of(other.value->value.ia5string);
        keep(out.srv_names, name, printable_ascii(name));
    } else if (OBJ_cmp(other.type_id, xmpp_addr_type()) == 0 && other.value->type == V_ASN1_UTF8STRING) {
        const auto name = bytes_of(other.value->value.utf8string);
        keep(out.xmpp_addrs, name, clean_utf8(name));
    }
}

// More than one: the last is the most specific, and the one that names a server.
std::string last_part(const X509_NAME* name_of, int kind) {
    int at = -1;
    for (int next = -1; (next = X509_NAME_get_index_by_NID(name_of, kind, next)) >= 0;) at = next;
    if (at < 0) return {};
    unsigned char* text = nullptr;
    const auto size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name_of, at)));
    if (size < 0) return {};
    std::string name(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
    OPENSSL_free(text);
    return clean_utf8(name) ? name : std::string();
}

TimePoint time_of(const ASN1_TIME* time) {
    std::tm parts{};
    return ASN1_TIME_to_tm(time, &parts) == 1 ? TimePoint{Seconds{::timegm(&parts)}} : TimePoint{};
}

}  // namespace

bool may_speak(x509_st* certificate, bool as_client) {
    const auto usage = X509_get_extended_key_usage(certificate);  // all bits, when the certificate limits nothing
    return (usage & (XKU_SSL_SERVER | XKU_ANYEKU)) != 0 || (as_client && (usage & XKU_SSL_CLIENT) != 0);
}

PeerCertificate read_certificate(x509_st* certificate) {
    PeerCertificate out;
    out.common_name = last_part(X509_get_subject_name(certificate), NID_commonName);
    out.issuer = last_part(X509_get_issuer_name(certificate), NID_commonName);
    if (out.issuer.empty()) out.issuer = last_part(X509_get_issuer_name(certificate), NID_organizationName);
    out.valid_from = time_of(X509_get0_notBefore(certificate));
    out.valid_until = time_of(X509_get0_notAfter(certificate));
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (X509_digest(certificate, EVP_sha256(), digest, &size) == 1)
        out.sha256 = hex_encode({reinterpret_cast<const char*>(digest), size});

    auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
        const auto* name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DNS) {
            const auto text = bytes_of(name->d.dNSName);
            keep(out.dns_names, text, printable_ascii(text));
        } else if (name->type == GEN_URI) {
            const auto text = bytes_of(name->d.uniformResourceIdentifier);
            keep(out.uris, text, printable_ascii(text));
        } else if (name->type == GEN_OTHERNAME) {
            read_other_name(*name->d.otherName, out);
        }
    }
    GENERAL_NAMES_free(names);
    return out;
}

std::string der_of(x509_st* certificate) {
    unsigned char* bytes = nullptr;
    const auto size = i2d_X509(certificate, &bytes);
    if (size <= 0) return {};
    std::string out(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    OPENSSL_free(bytes);
    return out;
}

std::string date_problem(std::string_view der) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    X509* certificate = d2i_X509(nullptr, &at, static_cast<long>(der.size()));
    if (certificate == nullptr) {
        ERR_clear_error();
        return "it is no certificate";
    }
    const bool expired = X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0;
    const bool early = X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0;
    X509_free(certificate);
    return expired ? "it has expired" : early ? "it is not valid yet" : "";
}

Result<PeerCertificate> read_certificate_der(std::string_view der) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    X509* certificate = d2i_X509(nullptr, &at, static_cast<long>(der.size()));
    if (certificate == nullptr) return Error{Errc::malformed, "not a DER certificate"};
    auto out = read_certificate(certificate);
    X509_free(certificate);
    return out;
}

}  // namespace parley::net
