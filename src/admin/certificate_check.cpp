#include "admin/certificate_check.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <sys/stat.h>

#include <idn2.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/text.hpp"

namespace parley::admin {
namespace {

using About = CertificateFinding::About;

constexpr std::streamsize largest_file = 1024 * 1024;
constexpr auto soon = std::chrono::hours(24 * 14);

template <auto Free>
struct Freer {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};
using Bio = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freer<GENERAL_NAMES_free>>;

struct FileText {
    std::string text;
    bool missing = false;
    std::string why;  // not empty: could not be read
};

FileText read_file(const std::filesystem::path& path) {
    FileText file;
    std::error_code failed;
    if (std::filesystem::is_directory(path, failed)) {
        file.why = std::strerror(EISDIR);
        return file;
    }
    errno = 0;
    std::ifstream in(path, std::ios::binary);
    if (!in) {
        file.missing = errno == ENOENT || errno == ENOTDIR;
        file.why = std::strerror(errno == 0 ? EIO : errno);
        return file;
    }
    file.text.resize(static_cast<std::size_t>(largest_file));
    in.read(file.text.data(), largest_file);
    file.text.resize(static_cast<std::size_t>(in.gcount()));
    return file;
}

// No password is ever asked for at a terminal: a server starts unattended.
int no_password(char*, int, int, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
}

Bio reader(const std::string& text) {
    return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string to_ascii_domain(const std::string& domain) {
    char* out = nullptr;
    if (idn2_to_ascii_8z(domain.c_str(), &out, IDN2_NONTRANSITIONAL) != IDN2_OK) return to_lower(domain);
    std::string ascii = to_lower(out);
    idn2_free(out);
    return ascii;
}

std::vector<std::string> names_of(X509* certificate) {
    std::vector<std::string> names;
    const Names alternatives(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; alternatives && i < sk_GENERAL_NAME_num(alternatives.get()); ++i) {
        const auto* name = sk_GENERAL_NAME_value(alternatives.get(), i);
        const ASN1_STRING* text = nullptr;
        if (name->type == GEN_DNS) text = name->d.dNSName;
        // id-on-xmppAddr (RFC 6120 13.7.1.4): 1.3.6.1.5.5.7.8.5, a UTF8String.
        if (name->type == GEN_OTHERNAME && name->d.otherName->value->type == V_ASN1_UTF8STRING) {
            char oid[32] = {};
            OBJ_obj2txt(oid, sizeof oid, name->d.otherName->type_id, 1);
            if (std::string_view(oid) == "1.3.6.1.5.5.7.8.5") text = name->d.otherName->value->value.utf8string;
        }
        if (text != nullptr)
            names.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                               static_cast<std::size_t>(ASN1_STRING_length(text)));
    }
    return names;
}

bool covers(const std::vector<std::string>& names, const std::string& domain) {
    const auto ascii = to_ascii_domain(domain);
    for (const auto& written : names) {
        const auto name = to_ascii_domain(written);
        if (name == ascii || to_lower(written) == domain) return true;
        // RFC 6125 6.4.3: the wildcard is the whole left-most label and stands for one.
        if (name.starts_with("*.") && ascii.find('.') != std::string::npos &&
            ascii.substr(ascii.find('.')) == name.substr(1))
            return true;
    }
    return false;
}

std::string date_of(const ASN1_TIME* time) {
    std::tm broken{};
    if (ASN1_TIME_to_tm(time, &broken) != 1) return "?";
    char text[32] = {};
    std::strftime(text, sizeof text, "%Y-%m-%d", &broken);
    return text;
}

bool open_to_others(const std::filesystem::path& key) {
    struct stat status {};
    return stat(key.c_str(), &status) == 0 && (status.st_mode & (S_IRWXO | S_IWGRP)) != 0;
}

}  // namespace

std::vector<CertificateFinding> check_certificate(const std::filesystem::path& certificate_path,
                                                  const std::filesystem::path& key_path,
                                                  const std::vector<std::string>& domains, TimePoint now) {
    std::vector<CertificateFinding> found;
    const auto add = [&](About about, Message what, std::optional<Message> fix, Severity severity = Severity::error) {
        found.push_back({about, std::move(what), std::move(fix), severity});
    };
    ERR_clear_error();
    Certificate certificate;
    if (const auto file = read_file(certificate_path); !file.why.empty()) {
        if (file.missing)
            add(About::certificate, {"certificate.missing", {certificate_path.string()}},
                Message{"fix.check-path", {}});
        else
            add(About::certificate, {"certificate.unreadable", {certificate_path.string(), file.why}},
                Message{"fix.permissions", {certificate_path.string()}});
    } else {
        const auto bio = reader(file.text);
        certificate.reset(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
        if (!certificate && file.text.find("PRIVATE KEY-----") != std::string::npos)
            add(About::certificate, {"certificate.is-key", {certificate_path.string()}}, Message{"fix.swap-files", {}});
        else if (!certificate)
            add(About::certificate, {"certificate.not-pem", {certificate_path.string()}},
                Message{"fix.pem", {"-----BEGIN CERTIFICATE-----"}});
    }
    Key key;
    if (const auto file = read_file(key_path); !file.why.empty()) {
        if (file.missing)
            add(About::key, {"key.missing", {key_path.string()}}, Message{"fix.check-path", {}});
        else
            add(About::key, {"key.unreadable", {key_path.string(), file.why}},
                Message{"fix.permissions", {key_path.string()}});
    } else {
        bool asked = false;
        const auto bio = reader(file.text);
        key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, &asked));
        if (!key && asked)
            add(About::key, {"key.encrypted", {key_path.string()}}, Message{"fix.decrypt-key", {}});
        else if (!key && file.text.find("BEGIN CERTIFICATE-----") != std::string::npos)
            add(About::key, {"key.is-certificate", {key_path.string()}}, Message{"fix.swap-files", {}});
        else if (!key)
            add(About::key, {"key.not-pem", {key_path.string()}}, Message{"fix.pem", {"-----BEGIN PRIVATE KEY-----"}});
        else if (open_to_others(key_path))
            add(About::key, {"key.open-to-others", {key_path.string()}}, Message{"fix.chmod-key", {key_path.string()}},
                Severity::warning);
    }
    if (certificate && key && X509_check_private_key(certificate.get(), key.get()) != 1)
        add(About::key, {"key.mismatch", {key_path.string(), certificate_path.string()}},
            Message{"fix.matching-key", {}});
    if (certificate) {
        auto when = std::chrono::system_clock::to_time_t(now);
        auto shortly = std::chrono::system_clock::to_time_t(now + soon);
        const auto* ends = X509_get0_notAfter(certificate.get());
        const auto* begins = X509_get0_notBefore(certificate.get());
        if (X509_cmp_time(ends, &when) < 0)
            add(About::certificate, {"certificate.expired", {certificate_path.string(), date_of(ends)}},
                Message{"fix.reissue", {}});
        else if (X509_cmp_time(begins, &when) > 0)
            add(About::certificate, {"certificate.not-yet-valid", {certificate_path.string(), date_of(begins)}},
                Message{"fix.clock-or-wait", {}});
        else if (X509_cmp_time(ends, &shortly) < 0)
            add(About::certificate, {"certificate.expires-soon", {certificate_path.string(), date_of(ends)}},
                Message{"fix.reissue", {}}, Severity::warning);
        const auto names = names_of(certificate.get());
        std::string shown;
        for (const auto& name : names) shown += (shown.empty() ? "" : ", ") + name;
        for (const auto& domain : domains)
            if (!domain.empty() && !covers(names, domain))
                add(About::certificate,
                    {"certificate.wrong-domain", {certificate_path.string(), domain, shown.empty() ? "-" : shown}},
                    Message{"fix.names-in-certificate", {domain}});
    }
    ERR_clear_error();
    return found;
}

std::optional<Message> check_trust_file(const std::filesystem::path& path) {
    const auto file = read_file(path);
    if (file.missing) return Message{"config.trust-missing", {path.string()}};
    if (!file.why.empty()) return Message{"config.trust-unreadable", {path.string(), file.why}};
    const auto bio = reader(file.text);
    const Certificate first(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    ERR_clear_error();
    if (!first) return Message{"config.trust-not-pem", {path.string()}};
    return std::nullopt;
}

}  // namespace parley::admin
