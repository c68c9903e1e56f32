#include "net/tls_context.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/text.hpp"
#include "net/identity.hpp"
#include "net/peer_certificate.hpp"
#include "net/tls_verdict.hpp"

namespace parley::net {
namespace {

int verdict_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

std::string openssl_reason() {
    const char* reason = ERR_reason_error_string(ERR_peek_last_error());
    std::string text = reason != nullptr ? reason : "unknown error";
    ERR_clear_error();
    return text;
}

Result<> readable(const std::string& what, const std::string& file) {
    if (::access(file.c_str(), R_OK) == 0) return {};
    if (errno == ENOENT) return Error{Errc::not_found, what + " " + file + " does not exist"};
    return Error{Errc::forbidden, what + " " + file + " cannot be read: " + std::strerror(errno)};
}

std::string date_text(const ASN1_TIME* time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return "an unreadable date";
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts);
    return text;
}

// Never ask on the terminal for the pass phrase of a key.
int no_pass_phrase(char*, int, int, void*) {
    return -1;
}

int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned int in_size,
                void* argument) {
    const auto& accepted = static_cast<const TlsContext*>(argument)->alpn();
    if (accepted.empty()) return SSL_TLSEXT_ERR_NOACK;
    for (const auto& ours : accepted) {
        for (unsigned int i = 0; i < in_size && i + 1 + in[i] <= in_size; i += 1u + in[i]) {
            const std::string_view theirs{reinterpret_cast<const char*>(in + i + 1), in[i]};
            if (theirs != ours) continue;
            *out = in + i + 1;
            *out_size = in[i];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;  // RFC 7301 3.2; keeps other protocols' clients from being led here
}

int choose_certificate(SSL* ssl, int*, void* argument) {
    const auto* context = static_cast<const TlsContext*>(argument);
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (!context->by_server_name() || name == nullptr) return SSL_TLSEXT_ERR_OK;
    if (const auto other = context->by_server_name()(to_lower(name)); other && other.get() != context)
        SSL_set_SSL_CTX(ssl, other->native());
    return SSL_TLSEXT_ERR_OK;
}

std::string alpn_wire(const std::vector<std::string>& names) {
    std::string wire;
    for (const auto& name : names) {
        if (name.empty() || name.size() > 255) continue;
        wire += static_cast<char>(name.size());
        wire += name;
    }
    return wire;
}

void set_bounds(SSL_CTX* context) {
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_NO_ANTI_REPLAY);
    SSL_CTX_set_max_early_data(context, 0);
    SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
    SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
    SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384");

    // Buffers go back when they are empty: an idle session keeps none. Reading ahead takes a record with one system
    // call.
    SSL_CTX_set_mode(context,
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);

    // Tickets keep the state at the client; one is enough, each costs a record at log-in.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 1);
    static constexpr std::string_view id = "parley";
    SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(id.data()), id.size());
    SSL_CTX_set_default_passwd_cb(context, no_pass_phrase);
}

// COMPAT(OCS 2007): its edge stops at TLS 1.0, knows no elliptic curves, and delays each message that follows an empty
// fragment (the remedy against BEAST that OpenSSL sends before each CBC record).
void widen_bounds(SSL_CTX* context) {
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_options(context, SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS);
    SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20:AES128-SHA:AES256-SHA:@SECLEVEL=0");
}

}  // namespace

int note_verify_error(int ok, X509_STORE_CTX* store) {
    if (ok == 1) return 1;
    auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    if (ssl != nullptr && first_verify_error(ssl) == X509_V_OK) {
        // A number in the place of a pointer, so that nothing is to be freed.
        const auto verdict = static_cast<std::intptr_t>(X509_STORE_CTX_get_error(store));
        SSL_set_ex_data(ssl, verdict_index(), reinterpret_cast<void*>(verdict));  // NOLINT(performance-no-int-to-ptr)
    }
    return 1;
}

long first_verify_error(const SSL* ssl) {
    return static_cast<long>(reinterpret_cast<std::intptr_t>(SSL_get_ex_data(ssl, verdict_index())));
}

Result<std::shared_ptr<TlsContext>> TlsContext::load(const TlsSettings& settings) {
    ERR_clear_error();
    SSL_CTX* native = SSL_CTX_new(TLS_method());
    if (native == nullptr) return Error{Errc::closed, "OpenSSL gives no context: " + openssl_reason()};
    std::shared_ptr<TlsContext> context(new TlsContext(native));
    set_bounds(native);
    if (settings.legacy) widen_bounds(native);

    if (const auto done = context->use_trust(settings); !done) return done.error();
    if (!settings.certificate_file.empty()) {
        if (const auto done = context->use_certificate(settings); !done) return done.error();
    }

    context->alpn_ = settings.alpn;
    if (const auto wire = alpn_wire(settings.alpn); !wire.empty())
        SSL_CTX_set_alpn_protos(native, reinterpret_cast<const unsigned char*>(wire.data()),
                                static_cast<unsigned int>(wire.size()));
    SSL_CTX_set_alpn_select_cb(native, choose_alpn, context.get());
    SSL_CTX_set_tlsext_servername_callback(native, choose_certificate);
    SSL_CTX_set_tlsext_servername_arg(native, context.get());
    return context;
}

TlsContext::~TlsContext() {
    SSL_CTX_free(context_);
}

Result<> TlsContext::use_trust(const TlsSettings& settings) {
    if (settings.trust_system) SSL_CTX_set_default_verify_paths(context_);
    if (!settings.trust_file.empty()) {
        if (const auto can = readable("the file of trusted roots", settings.trust_file); !can) return can.error();
        if (SSL_CTX_load_verify_file(context_, settings.trust_file.c_str()) != 1)
            return Error{Errc::malformed, "the file of trusted roots " + settings.trust_file +
                                              " holds no PEM certificates: " + openssl_reason()};
    }
    ERR_clear_error();
    // Certificates with server usage only come from XMPP and SIP peers as clients too; who accepts which usage is
    // decided with the names.
    X509_VERIFY_PARAM_set_purpose(SSL_CTX_get0_param(context_), X509_PURPOSE_ANY);
    // A ticket between servers would carry the partner's certificate both ways, for connections that last: a full
    // handshake now and then costs less than each of them keeping one.
    if (settings.peer == TlsSettings::PeerCertificate::ask) {
        SSL_CTX_set_num_tickets(context_, 0);
        SSL_CTX_set_options(context_, SSL_OP_NO_TICKET);
    }
    SSL_CTX_set_verify(context_, settings.peer == TlsSettings::PeerCertificate::ask ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                       note_verify_error);
    return {};
}

Result<> TlsContext::use_certificate(const TlsSettings& settings) {
    const auto& file = settings.certificate_file;
    const auto& key_file = settings.key_file.empty() ? file : settings.key_file;
    if (const auto can = readable("the certificate", file); !can) return can.error();
    if (const auto can = readable("the key", key_file); !can) return can.error();

    if (SSL_CTX_use_certificate_chain_file(context_, file.c_str()) != 1)
        return Error{Errc::malformed, "the certificate " + file + " cannot be used: " + openssl_reason()};
    const X509* leaf = SSL_CTX_get0_certificate(context_);
    if (SSL_CTX_use_PrivateKey_file(context_, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
        const bool mismatch = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH ||
                              ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_TYPE_MISMATCH;
        if (mismatch) {
            ERR_clear_error();
            return Error{Errc::conflict, "the key " + key_file + " does not match the certificate " + file};
        }
        return Error{Errc::malformed, "the key " + key_file + " cannot be used: " + openssl_reason()};
    }
    if (SSL_CTX_check_private_key(context_) != 1) {
        ERR_clear_error();
        return Error{Errc::conflict, "the key " + key_file + " does not match the certificate " + file};
    }

    // What the file lacks of its chain is looked up here, once. Left to itself OpenSSL does so in every handshake, and
    // reads the folder of the system's roots each time.
    STACK_OF(X509)* chain = nullptr;
    if (SSL_CTX_get0_chain_certs(context_, &chain) == 1 && sk_X509_num(chain) <= 0)
        SSL_CTX_build_cert_chain(context_, SSL_BUILD_CHAIN_FLAG_NO_ROOT | SSL_BUILD_CHAIN_FLAG_IGNORE_ERROR |
                                               SSL_BUILD_CHAIN_FLAG_CLEAR_ERROR);
    SSL_CTX_set_mode(context_, SSL_MODE_NO_AUTO_CHAIN);
    ERR_clear_error();

    const auto* from = X509_get0_notBefore(leaf);
    const auto* to = X509_get0_notAfter(leaf);
    if (settings.check_dates && X509_cmp_current_time(to) < 0)
        return Error{Errc::forbidden, "the certificate " + file + " expired on " + date_text(to)};
    if (settings.check_dates && X509_cmp_current_time(from) > 0)
        return Error{Errc::forbidden, "the certificate " + file + " is not valid before " + date_text(from)};

    own_ = read_certificate(const_cast<X509*>(leaf));
    names_ = own_.dns_names;
    for (const auto& address : own_.xmpp_addrs)
        if (std::find(names_.begin(), names_.end(), address) == names_.end()) names_.push_back(address);
    return {};
}

bool TlsContext::has_rsa_key() const {
    const EVP_PKEY* key = SSL_CTX_get0_privatekey(context_);
    return key != nullptr && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
}

std::string TlsContext::issuer() const {
    const auto* leaf = SSL_CTX_get0_certificate(context_);
    if (leaf == nullptr) return {};
    BIO* text = BIO_new(BIO_s_mem());
    if (text == nullptr) return {};
    // RFC 2253, but with UTF-8 as it is.
    X509_NAME_print_ex(text, X509_get_issuer_name(leaf), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    char* bytes = nullptr;
    const auto size = BIO_get_mem_data(text, &bytes);
    std::string out(bytes, size > 0 ? static_cast<std::size_t>(size) : 0);
    BIO_free(text);
    return out;
}

bool TlsContext::is_self_signed() const {
    X509* leaf = SSL_CTX_get0_certificate(context_);
    return leaf != nullptr && X509_self_signed(leaf, 0) == 1;
}

bool TlsContext::for_clients() const {
    X509* leaf = SSL_CTX_get0_certificate(context_);
    return leaf != nullptr && (X509_get_extended_key_usage(leaf) & (XKU_SSL_CLIENT | XKU_ANYEKU)) != 0;
}

bool TlsContext::covers(std::string_view domain) const {
    return names_xmpp_domain(own_, domain);
}

}  // namespace parley::net
