#include "net/dane.hpp"

#include <memory>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "net/peer_certificate.hpp"
#include "net/tls_context.hpp"

namespace parley::net {
namespace {

template <auto Free>
struct Freed {
    template <class T>
    void operator()(T* value) const {
        Free(value);
    }
};
void free_chain(STACK_OF(X509) * chain) {
    sk_X509_pop_free(chain, X509_free);
}
using Ssl = std::unique_ptr<SSL, Freed<SSL_free>>;
using Chain = std::unique_ptr<STACK_OF(X509), Freed<free_chain>>;
using Verification = std::unique_ptr<X509_STORE_CTX, Freed<X509_STORE_CTX_free>>;

// OpenSSL keeps TLSA records in a session only. This context is for sessions that never see a socket: the certificates
// are checked when the handshake is over, so that it does not matter which side we are and when DNS has answered.
SSL_CTX* dane_context() {
    static SSL_CTX* const context = [] {
        SSL_CTX* made = SSL_CTX_new(TLS_method());
        if (made != nullptr && SSL_CTX_dane_enable(made) <= 0) {
            SSL_CTX_free(made);
            made = nullptr;
        }
        return made;
    }();
    return context;
}

Chain parse(const std::vector<std::string>& shown) {
    Chain chain(sk_X509_new_null());
    for (const auto& der : shown) {
        const auto* at = reinterpret_cast<const unsigned char*>(der.data());
        X509* certificate = d2i_X509(nullptr, &at, static_cast<long>(der.size()));
        if (certificate == nullptr || sk_X509_push(chain.get(), certificate) <= 0) {
            X509_free(certificate);
            return nullptr;
        }
    }
    return sk_X509_num(chain.get()) > 0 ? std::move(chain) : nullptr;
}

std::string kind_of(const TlsaRecord& record) {
    return std::to_string(record.usage) + ' ' + std::to_string(record.selector) + ' ' + std::to_string(record.matching);
}

}  // namespace

DaneVerdict check_tlsa(const std::vector<TlsaRecord>& records, const std::vector<std::string>& shown,
                       const TlsContext& context, bool as_client) {
    ERR_clear_error();
    const auto fails = [](std::string why) {
        ERR_clear_error();
        return DaneVerdict{false, true, std::move(why)};
    };
    const auto chain = parse(shown);
    if (!chain) return fails("no certificate was shown");
    const Ssl ssl(dane_context() == nullptr ? nullptr : SSL_new(dane_context()));
    if (!ssl || SSL_dane_enable(ssl.get(), nullptr) <= 0) return fails("OpenSSL cannot check TLSA records");
    std::size_t taken = 0;
    for (const auto& record : records)
        if (SSL_dane_tlsa_add(ssl.get(), record.usage, record.selector, record.matching,
                              reinterpret_cast<const unsigned char*>(record.data.data()), record.data.size()) > 0)
            ++taken;
    if (taken == 0) return fails("none of its TLSA records is of a known kind");

    const Verification verification(X509_STORE_CTX_new());
    X509* const leaf = sk_X509_value(chain.get(), 0);
    if (!verification ||
        X509_STORE_CTX_init(verification.get(), SSL_CTX_get_cert_store(context.native()), leaf, chain.get()) != 1)
        return fails("OpenSSL cannot check certificates");
    auto* const bounds = X509_STORE_CTX_get0_param(verification.get());
    X509_VERIFY_PARAM_set1(bounds, SSL_CTX_get0_param(context.native()));
    X509_VERIFY_PARAM_set_auth_level(bounds, SSL_CTX_get_security_level(context.native()));
    X509_STORE_CTX_set0_dane(verification.get(), SSL_get0_dane(ssl.get()));
    if (X509_verify_cert(verification.get()) != 1) {
        const auto error = X509_STORE_CTX_get_error(verification.get());
        return fails(error == X509_V_ERR_DANE_NO_MATCH ? "none of its TLSA records matches"
                                                       : X509_verify_cert_error_string(error));
    }
    TlsaRecord by;
    const unsigned char* data = nullptr;
    std::size_t size = 0;
    if (SSL_get0_dane_tlsa(ssl.get(), &by.usage, &by.selector, &by.matching, &data, &size) < 0)
        return fails("none of its TLSA records matches");
    const bool name_counts = by.usage != tlsa_dane_ee;
    if (name_counts && !may_speak(leaf, as_client)) return fails("its key usage is not that of a server");
    return {true, name_counts, kind_of(by)};
}

std::vector<std::string> own_certificates(const TlsContext& context) {
    std::vector<std::string> out;
    X509* const leaf = SSL_CTX_get0_certificate(context.native());
    if (leaf == nullptr) return out;
    out.push_back(der_of(leaf));
    STACK_OF(X509)* more = nullptr;
    SSL_CTX_get0_chain_certs(context.native(), &more);
    for (int i = 0; i < sk_X509_num(more); ++i) out.push_back(der_of(sk_X509_value(more, i)));
    return out;
}

}  // namespace parley::net
