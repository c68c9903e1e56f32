#include "net/identity.hpp"

#include <gtest/gtest.h>

namespace parley::net {
namespace {

using Names = std::vector<std::string>;

PeerCertificate certificate(Names dns, Names srv = {}, Names xmpp = {}, Names uris = {}, std::string cn = {}) {
    PeerCertificate out;
    out.dns_names = std::move(dns);
    out.srv_names = std::move(srv);
    out.xmpp_addrs = std::move(xmpp);
    out.uris = std::move(uris);
    out.common_name = std::move(cn);
    return out;
}

struct Case {
    const char* what;
    PeerCertificate certificate;
    std::string_view domain;
    bool named;
};

TEST(Identity, XmppDomain) {
    for (const auto& c : {
             Case{"equal", certificate({"example.com"}), "example.com", true},
             Case{"without regard to case", certificate({"Example.COM"}), "eXample.com", true},
             Case{"a trailing dot is nothing", certificate({"example.com."}), "example.com", true},
             Case{"asked with a trailing dot", certificate({"example.com"}), "example.com.", true},
             Case{"another", certificate({"example.net"}), "example.com", false},
             Case{"a sub-domain is another", certificate({"example.com"}), "im.example.com", false},
             Case{"a parent is another", certificate({"im.example.com"}), "example.com", false},
             Case{"a tail is another", certificate({"badexample.com"}), "example.com", false},
             Case{"one of several", certificate({"a.example", "example.com"}), "example.com", true},
             Case{"wildcard", certificate({"*.example.com"}), "im.example.com", true},
             Case{"wildcard is one label", certificate({"*.example.com"}), "a.im.example.com", false},
             Case{"wildcard is at least one label", certificate({"*.example.com"}), "example.com", false},
             Case{"wildcard not for an empty label", certificate({"*.example.com"}), ".example.com", false},
             Case{"part of a label is no wildcard", certificate({"i*.example.com"}), "im.example.com", false},
             Case{"only the left-most label", certificate({"im.*.com"}), "im.example.com", false},
             Case{"two wildcards", certificate({"*.*.com"}), "im.example.com", false},
             Case{"not for a top level domain", certificate({"*.com"}), "example.com", false},
             Case{"a star alone", certificate({"*"}), "example", false},
             Case{"a wildcard is no question", certificate({"*.example.com"}), "*.example.com", false},
             Case{"SRVName", certificate({}, {"_xmpp-server.example.com"}), "example.com", true},
             Case{"SRVName of clients' service", certificate({}, {"_xmpp-client.example.com"}), "example.com", true},
             Case{"SRVName of another service", certificate({}, {"_sip.example.com"}), "example.com", false},
             Case{"SRVName of another domain", certificate({}, {"_xmpp-server.example.net"}), "example.com", false},
             Case{"SRVName has no wildcard", certificate({}, {"_xmpp-server.*.example.com"}), "im.example.com", false},
             Case{"SRVName with protocol label", certificate({}, {"_xmpp-server._tcp.example.com"}), "example.com",
                  false},
             Case{"xmppAddr", certificate({}, {}, {"example.com"}), "example.com", true},
             Case{"xmppAddr as U-label", certificate({}, {}, {"bücher.example"}), "xn--bcher-kva.example", true},
             Case{"xmppAddr of a user", certificate({}, {}, {"alice@example.com"}), "example.com", false},
             Case{"xmppAddr has no wildcard", certificate({}, {}, {"*.example.com"}), "im.example.com", false},
             Case{"a U-label is asked", certificate({"xn--bcher-kva.example"}), "bücher.example", true},
             Case{"the CN counts never", certificate({}, {}, {}, {}, "example.com"), "example.com", false},
             Case{"a sip URI is not for XMPP", certificate({}, {}, {}, {"sip:example.com"}), "example.com", false},
             Case{"nothing is named", certificate({}), "example.com", false},
             Case{"nothing is asked", certificate({""}, {"_xmpp-server."}, {""}), "", false},
             Case{"a NUL is no domain", certificate({"example.com"}), std::string_view("example.com\0.evil", 17),
                  false},
         })
        EXPECT_EQ(names_xmpp_domain(c.certificate, c.domain), c.named) << c.what;
}

TEST(Identity, SipDomain) {
    for (const auto& c : {
             Case{"URI", certificate({}, {}, {}, {"sip:example.com"}), "example.com", true},
             Case{"URI without regard to case", certificate({}, {}, {}, {"SIP:Example.com"}), "example.com", true},
             Case{"URI with port and parameter", certificate({}, {}, {}, {"sip:example.com:5061;transport=tls"}),
                  "example.com", true},
             Case{"URI of a user", certificate({}, {}, {}, {"sip:alice@example.com"}), "example.com", false},
             Case{"URI of sips", certificate({}, {}, {}, {"sips:example.com"}), "example.com", false},
             Case{"URI of the web", certificate({}, {}, {}, {"https://example.com"}), "example.com", false},
             Case{"a URI of the web does not hide a dNSName",
                  certificate({"example.com"}, {}, {}, {"https://a.example"}), "example.com", true},
             Case{"dNSName", certificate({"example.com"}), "example.com", true},
             Case{"dNSName of the host is another domain", certificate({"sip.example.com"}), "example.com", false},
             Case{"a sip URI hides dNSNames (RFC 5922 7.1)", certificate({"example.com"}, {}, {}, {"sip:example.net"}),
                  "example.com", false},
             Case{"no wildcard", certificate({"*.example.com"}), "im.example.com", false},
             Case{"CN when there is no SAN", certificate({}, {}, {}, {}, "example.com"), "example.com", true},
             Case{"no CN beside a dNSName", certificate({"a.example"}, {}, {}, {}, "example.com"), "example.com",
                  false},
             Case{"no CN beside a URI", certificate({}, {}, {}, {"https://a.example"}, "example.com"), "example.com",
                  false},
             Case{"CN that is no name", certificate({}, {}, {}, {}, "Example Inc."), "example.com", false},
             Case{"no wildcard in the CN", certificate({}, {}, {}, {}, "*.example.com"), "im.example.com", false},
             Case{"xmppAddr is not for SIP", certificate({}, {}, {"example.com"}), "example.com", false},
             Case{"nothing asked", certificate({""}, {}, {}, {"sip:"}), "", false},
         })
        EXPECT_EQ(names_sip_domain(c.certificate, c.domain), c.named) << c.what;
    EXPECT_EQ(sip_domains(certificate({"A.example", "b.example", "a.example.", "*.c.example"})),
              (Names{"a.example", "b.example"}));
}

TEST(Identity, HostOfAnEdge) {
    const Names accepted{"Edge.partner.example", "edge2.partner.example"};
    for (const auto& c : {
             Case{"dNSName", certificate({"edge.partner.example"}), "", true},
             Case{"the second", certificate({"a.example", "EDGE2.partner.example"}), "", true},
             Case{"CN, also beside dNSNames", certificate({"a.example"}, {}, {}, {}, "edge.partner.example"), "", true},
             Case{"another", certificate({"edge3.partner.example"}, {}, {}, {}, "partner.example"), "", false},
             Case{"no wildcard", certificate({"*.partner.example"}), "", false},
             Case{"empty", certificate({""}), "", false},
         })
        EXPECT_EQ(names_host(c.certificate, accepted), c.named) << c.what;
    EXPECT_FALSE(names_host(certificate({"a.example"}), {}));
    EXPECT_FALSE(names_host(certificate({""}), {""}));
}

TEST(Identity, WebHost) {
    for (const auto& c : {
             Case{"dNSName", certificate({"Example.com"}), "example.com", true},
             Case{"wildcard", certificate({"*.example.com"}), "www.example.com", true},
             Case{"wildcard for two labels", certificate({"*.example.com"}), "a.b.example.com", false},
             Case{"the CN counts never", certificate({}, {}, {}, {}, "example.com"), "example.com", false},
             Case{"what names an XMPP domain is not for the web",
                  certificate({}, {"_xmpp-server.example.com"}, {"example.com"}), "example.com", false},
             Case{"nothing asked", certificate({""}), "", false},
         })
        EXPECT_EQ(names_web_host(c.certificate, c.domain), c.named) << c.what;
}

TEST(Identity, AsciiDomain) {
    struct Row {
        std::string_view text, ascii;
    };
    for (const auto& row : {
             Row{"example.com", "example.com"},
             Row{"EXAMPLE.com.", "example.com"},
             Row{"_xmpp-server._tcp.Bücher.example", "_xmpp-server._tcp.xn--bcher-kva.example"},
             Row{"faß.example", "xn--fa-hia.example"},  // IDNA 2008, not its predecessor's "fass"
             Row{"", ""},
             Row{".", ""},
             Row{"a b", ""},
             Row{"a@b", ""},
             Row{"a/b", ""},
             Row{"\xff.example", ""},
         })
        EXPECT_EQ(to_ascii_domain(row.text), row.ascii) << row.text;
    EXPECT_EQ(to_ascii_domain(std::string(256, 'a')), "");
}

}  // namespace
}  // namespace parley::net
