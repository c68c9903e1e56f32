#include "net/certificate.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "net/identity.hpp"

namespace parley::net {
namespace {

struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
    void operator()(BIO* bio) const { BIO_free(bio); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

Error openssl_error(const std::string& doing) {
    const char* reason = ERR_reason_error_string(ERR_peek_last_error());
    Error error{Errc::malformed, doing + ": " + (reason != nullptr ? reason : "unknown error")};
    ERR_clear_error();
    return error;
}

Result<> add_extension(X509* certificate, int kind, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    const Owned<X509_EXTENSION> extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
    if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1)
        return openssl_error("cannot make the certificate extension \"" + value + "\"");
    return {};
}

Result<std::string> alternative_names(const SelfSignedSettings& settings) {
    std::string names;
    const auto add = [&names](const std::string& name) {
        if (!names.empty()) names += ',';
        names += name;
    };
    for (const auto& domain : settings.domains) {
        const auto ascii = to_ascii_domain(domain);
        if (ascii.empty()) return Error{Errc::malformed, "\"" + domain + "\" is not a domain name"};
        if (!settings.names_of_domains) continue;
        add("DNS:" + ascii);
        add("DNS:sip." + ascii);
        add("otherName:1.3.6.1.5.5.7.8.5;UTF8:" + ascii);
    }
    for (const auto& name : settings.more_names) add(name);
    return names;
}

// A new file with its mode from the first moment, moved into place when it is whole.
Result<> write_file(const std::string& file, std::string_view text, mode_t mode) {
    const auto cannot = [&file] { return Error{Errc::storage, "cannot write " + file + ": " + std::strerror(errno)}; };
    const auto fresh = file + ".new";
    ::unlink(fresh.c_str());
    const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0) return cannot();
    bool good = ::fchmod(fd, mode) == 0;
    while (good && !text.empty()) {
        const auto count = ::write(fd, text.data(), text.size());
        if (count < 0 && errno == EINTR) continue;
        good = count > 0;
        if (good) text.remove_prefix(static_cast<std::size_t>(count));
    }
    good = good && ::fsync(fd) == 0;
    good = ::close(fd) == 0 && good;
    if (!good || ::rename(fresh.c_str(), file.c_str()) != 0) {
        auto error = cannot();
        ::unlink(fresh.c_str());
        return error;
    }
    return {};
}

std::string pem_of(const Owned<BIO>& bio) {
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

}  // namespace

Result<> make_self_signed(const SelfSignedSettings& settings) {
    if (settings.domains.empty()) return Error{Errc::malformed, "a certificate needs a domain"};
    const auto names = alternative_names(settings);
    if (!names) return names.error();

    const Owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
    const Owned<X509> certificate(X509_new());
    if (!key || !certificate) return openssl_error("cannot make a key");

    X509_set_version(certificate.get(), X509_VERSION_3);
    unsigned char serial[16];
    if (RAND_bytes(serial, sizeof serial) != 1) return openssl_error("no random bytes");
    serial[0] = static_cast<unsigned char>((serial[0] & 0x7f) | 0x40);  // positive, always 16 bytes (RFC 5280 4.1.2.2)
    BIGNUM* number = BN_bin2bn(serial, sizeof serial, nullptr);
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get()));
    BN_free(number);

    constexpr long hour = 3600;
    // A day early, so that a peer whose clock is behind takes it at once.
    X509_time_adj_ex(X509_getm_notBefore(certificate.get()), settings.starts_in_days - 1, 0, nullptr);
    X509_time_adj_ex(X509_getm_notAfter(certificate.get()), settings.starts_in_days + settings.days_valid, hour,
                     nullptr);

    auto* subject = X509_get_subject_name(certificate.get());
    // A common name holds 64 characters; names of certificates are in the SANs anyway.
    const auto common_name = to_ascii_domain(settings.domains.front()).substr(0, 64);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
    X509_set_issuer_name(certificate.get(), subject);
    X509_set_pubkey(certificate.get(), key.get());

    struct Extension {
        int kind;
        std::string value;
    };
    for (const auto& [kind, value] : {
             Extension{NID_basic_constraints, "critical,CA:FALSE"},
             Extension{NID_key_usage, "critical,digitalSignature,keyAgreement"},
             Extension{NID_ext_key_usage, "serverAuth,clientAuth"},
             Extension{NID_subject_key_identifier, "hash"},
             Extension{NID_subject_alt_name, *names},
         }) {
        if (value.empty()) continue;
        if (const auto added = add_extension(certificate.get(), kind, value); !added) return added.error();
    }
    if (X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0) return openssl_error("cannot sign the certificate");

    const Owned<BIO> key_pem(BIO_new(BIO_s_mem()));
    const Owned<BIO> certificate_pem(BIO_new(BIO_s_mem()));
    if (PEM_write_bio_PKCS8PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
        PEM_write_bio_X509(certificate_pem.get(), certificate.get()) != 1)
        return openssl_error("cannot write PEM");
    if (const auto written = write_file(settings.key_file, pem_of(key_pem), 0600); !written) return written.error();
    return write_file(settings.certificate_file, pem_of(certificate_pem), 0644);
}

}  // namespace parley::net
