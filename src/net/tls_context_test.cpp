#include "net/tls_context.hpp"

#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.hpp"
#include "net/loopback_test.hpp"
#include "net/peer_certificate.hpp"

namespace parley::net {
namespace {

std::string text_of(const std::string& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Certificate, IsMadeForItsDomainsWithAPrivateKeyFile) {
    Folder folder;
    SelfSignedSettings settings{{"Example.com", "bücher.example"}, folder / "c.pem", folder / "k.pem"};
    ASSERT_TRUE(make_self_signed(settings));
    struct stat status {};
    ASSERT_EQ(::stat(settings.key_file.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777u, 0600u);

    const auto context = TlsContext::load({settings.certificate_file, settings.key_file});
    ASSERT_TRUE(context) << context.error().detail;
    EXPECT_EQ((*context)->names(), (std::vector<std::string>{"example.com", "sip.example.com", "xn--bcher-kva.example",
                                                             "sip.xn--bcher-kva.example"}));
    EXPECT_TRUE((*context)->covers("example.com"));
    EXPECT_TRUE((*context)->covers("EXAMPLE.com."));
    EXPECT_TRUE((*context)->covers("bücher.example"));
    EXPECT_TRUE((*context)->covers("sip.example.com"));
    EXPECT_FALSE((*context)->covers("example.net"));
    EXPECT_FALSE((*context)->covers("im.example.com"));
    const auto now = SystemClock().wall();
    EXPECT_GT((*context)->expires(), now + std::chrono::days(3640));
    EXPECT_LT((*context)->expires(), now + std::chrono::days(3660));

    // Made again: both files are replaced, and match.
    const auto before = text_of(settings.key_file);
    ASSERT_TRUE(make_self_signed(settings));
    EXPECT_NE(text_of(settings.key_file), before);
    EXPECT_TRUE(TlsContext::load({settings.certificate_file, settings.key_file}));
}

TEST(Certificate, ErrorsAreSaid) {
    Folder folder;
    const auto made = make_self_signed({{"example.com"}, folder / "missing/c.pem", folder / "missing/k.pem"});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().detail, "cannot write " + folder / "missing/k.pem" + ": No such file or directory");
    EXPECT_EQ(make_self_signed({{"a b"}, folder / "c", folder / "k"}).error().detail, "\"a b\" is not a domain name");
    EXPECT_EQ(make_self_signed({{"a,DNS:b"}, folder / "c", folder / "k"}).error().code, Errc::malformed);
    EXPECT_FALSE(make_self_signed({{}, folder / "c", folder / "k"}));
}

TEST(TlsContext, EachMistakeHasItsSentence) {
    const TestIdentity good("example.com"), other("example.net");
    SelfSignedSettings settings{{"old.example"}};
    settings.starts_in_days = -20;
    settings.days_valid = 10;
    const TestIdentity expired(settings);
    settings.starts_in_days = 20;
    const TestIdentity early(settings);
    Folder folder;
    std::ofstream(folder / "garbage") << "not PEM at all\n";
    std::ofstream(folder / "broken") << "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    const auto missing = folder / "missing.pem", garbage = folder / "garbage", broken = folder / "broken";

    struct Case {
        TlsSettings settings;
        Errc code;
        std::string starts;
    };
    for (const auto& c : {
             Case{{missing, good.key}, Errc::not_found, "the certificate " + missing + " does not exist"},
             Case{{good.certificate, missing}, Errc::not_found, "the key " + missing + " does not exist"},
             Case{{good.certificate, good.key, missing},
                  Errc::not_found,
                  "the file of trusted roots " + missing + " does not exist"},
             Case{{good.certificate, good.key, garbage},
                  Errc::malformed,
                  "the file of trusted roots " + garbage + " holds no PEM certificates"},
             Case{{garbage, good.key}, Errc::malformed, "the certificate " + garbage + " cannot be used"},
             Case{{broken, good.key}, Errc::malformed, "the certificate " + broken + " cannot be used"},
             Case{{good.certificate, garbage}, Errc::malformed, "the key " + garbage + " cannot be used"},
             Case{{good.certificate, good.certificate},
                  Errc::malformed,
                  "the key " + good.certificate + " cannot be used"},
             Case{{good.certificate, other.key},
                  Errc::conflict,
                  "the key " + other.key + " does not match the certificate " + good.certificate},
             Case{{expired.certificate, expired.key},
                  Errc::forbidden,
                  "the certificate " + expired.certificate + " expired on 20"},
             Case{{early.certificate, early.key},
                  Errc::forbidden,
                  "the certificate " + early.certificate + " is not valid before 20"},
         }) {
        const auto loaded = TlsContext::load(c.settings);
        ASSERT_FALSE(loaded) << c.starts;
        EXPECT_EQ(loaded.error().code, c.code) << loaded.error().detail;
        EXPECT_EQ(loaded.error().detail.substr(0, c.starts.size()), c.starts);
    }
    if (::geteuid() != 0) {
        ::chmod(good.key.c_str(), 0);
        EXPECT_EQ(TlsContext::load({good.certificate, good.key}).error().code, Errc::forbidden);
    }
    EXPECT_TRUE(TlsContext::load({}));  // a client without a certificate
}

TEST(TlsContext, KeyAndCertificateMayShareAFile) {
    const TestIdentity identity("example.com");
    Folder folder;
    std::ofstream(folder / "both.pem") << text_of(identity.key) << text_of(identity.certificate);
    const auto loaded = TlsContext::load({folder / "both.pem"});
    ASSERT_TRUE(loaded) << loaded.error().detail;
    EXPECT_TRUE((*loaded)->covers("example.com"));
}

// Names that are not what their type allows must match nothing: "example.com\0.evil.example" above all.
TEST(PeerCertificate, BadNamesAreLeftOut) {
    const TestIdentity identity("example.com");
    const auto pem = text_of(identity.certificate);
    std::string body;
    for (const auto line : split(pem, '\n'))
        if (!line.starts_with("-----")) body += line;
    const auto der = *base64_decode(body);
    const auto whole = read_certificate_der(der);
    ASSERT_TRUE(whole);
    EXPECT_EQ(whole->dns_names, (std::vector<std::string>{"example.com", "sip.example.com"}));
    EXPECT_EQ(whole->xmpp_addrs, std::vector<std::string>{"example.com"});
    EXPECT_EQ(whole->common_name, "example.com");
    EXPECT_FALSE(whole->issuer.empty());
    EXPECT_LT(whole->valid_from, whole->valid_until);

    for (const char bad : {'\0', '\n', ' ', '\x7f', '\xff'}) {
        auto changed = der;
        int count = 0;
        for (auto at = changed.find("example.com"); at != std::string::npos; at = changed.find("example.com", at + 1)) {
            changed[at + 7] = bad;  // the dot
            ++count;
        }
        EXPECT_GE(count, 4);
        const auto read = read_certificate_der(changed);
        if (!read) {  // OpenSSL refuses a subject that is no UTF-8 by itself
            EXPECT_EQ(bad, '\xff');
            continue;
        }
        EXPECT_TRUE(read->dns_names.empty()) << static_cast<int>(bad);
        if (bad != ' ') {
            EXPECT_TRUE(read->xmpp_addrs.empty()) << static_cast<int>(bad);
            EXPECT_TRUE(read->common_name.empty()) << static_cast<int>(bad);
        }
    }
    EXPECT_FALSE(read_certificate_der(""));
    EXPECT_FALSE(read_certificate_der(der.substr(0, der.size() / 2)));
}

}  // namespace
}  // namespace parley::net
