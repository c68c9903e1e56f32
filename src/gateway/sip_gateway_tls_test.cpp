#include <filesystem>
#include <unistd.h>

#include "gateway/gateway_fixture.hpp"
#include "net/certificate.hpp"

namespace parley::gateway {
namespace {

using namespace std::chrono_literals;
using test::World;

// The network of these tests has no TLS of its own; the gateway wants a context, and any will do.
std::shared_ptr<net::TlsContext> own_context() {
    static const auto context = [] {
        const auto dir = std::filesystem::temp_directory_path() / ("parley-gateway-" + std::to_string(::getpid()));
        std::filesystem::create_directories(dir);
        net::SelfSignedSettings self;
        self.domains = {"example.com"};
        self.certificate_file = (dir / "own.crt").string();
        self.key_file = (dir / "own.key").string();
        EXPECT_TRUE(net::make_self_signed(self));
        net::TlsSettings settings;
        settings.certificate_file = self.certificate_file;
        settings.key_file = self.key_file;
        settings.trust_system = false;
        auto loaded = net::TlsContext::load(settings);
        std::filesystem::remove_all(dir);
        return *loaded;
    }();
    return context;
}

net::PeerCertificate certificate(const std::string& name, bool trusted = true) {
    net::PeerCertificate result;
    result.trusted = trusted;
    result.trust_error = trusted ? "" : "self-signed certificate";
    result.dns_names = {name};
    return result;
}

struct TlsWorld : World {
    TlsWorld(std::string profile, std::string next_hop, std::vector<std::string> tls_names, net::PeerCertificate shown)
        : World(std::move(profile), true) {
        auto changed = std::make_shared<SipSettings>(*settings);
        changed->domains["example.com"] = own_context();
        auto& rule = changed->policy.rules["sip.example.net"];
        rule.next_hop = std::move(next_hop);
        rule.tls_names = std::move(tls_names);
        settings = changed;
        network.dns().srv["_sips._tcp.sip.example.net"] = {{0, 0, 5060, "edge.example.net"}};
        network.dns().srv["_sipfederationtls._tcp.sip.example.net"] = {{0, 0, 5060, "edge.example.net"}};
        network.dns().host["edge.example.net"] = {"10.0.0.2"};
        partner.set_certificate(std::move(shown));
        network.set_certificate(certificate("example.com"));
        EXPECT_TRUE(gateway->listen({"10.0.0.1", 5061}, true));
    }
};

struct Case {
    std::string why, profile, next_hop;
    std::vector<std::string> tls_names;
    std::string certificate;
    bool trusted, good;
};

const std::vector<Case> cases{
    {"the domain itself", "simple", "", {}, "sip.example.net", true, true},
    {"the domain alone names no edge server", "ocs", "", {}, "sip.example.net", true, false},
    {"the host of its SRV record proves nothing", "simple", "", {}, "edge.example.net", true, false},
    {"an edge server is known by its host", "ocs", "", {}, "edge.example.net", true, true},
    {"a configured next hop is known by its host",
     "simple",
     "edge.example.net:5060",
     {},
     "edge.example.net",
     true,
     true},
    {"a name that the administrator wrote down", "simple", "", {"other.example"}, "other.example", true, true},
    {"somebody else", "ocs", "", {}, "evil.example", true, false},
    {"somebody else at the next hop", "simple", "edge.example.net:5060", {}, "evil.example", true, false},
    {"a name that anybody can write", "simple", "", {}, "sip.example.net", false, false},
    {"a wildcard", "simple", "", {}, "*.example.net", true, false},
};

TEST(SipGatewayTls, WhomWeDial) {
    for (const auto& c : cases) {
        SCOPED_TRACE(c.why);
        TlsWorld w{c.profile, c.next_hop, c.tls_names, certificate(c.certificate, c.trusted)};
        w.presence("subscribe");
        w.executor.advance(1s);
        EXPECT_EQ(w.peer.count("SUBSCRIBE"), c.good ? 1u : 0u);
        if (!c.good) continue;
        EXPECT_EQ(w.peer.last("SUBSCRIBE")->header(sip::HeaderId::contact), "<sip:sip.example.com:5061;transport=tls>");
        EXPECT_EQ(w.peer.connection->tls()->server_name.empty(), false);
    }
}

TEST(SipGatewayTls, WhoDialsUs) {
    for (const auto& c : cases) {
        SCOPED_TRACE(c.why);
        TlsWorld w{c.profile, c.next_hop, c.tls_names, certificate(c.certificate, c.trusted)};
        w.peer.connect(5061, true);
        w.peer.say(w.request("SUBSCRIBE", "1", {}, "Event: presence\nExpires: 3600\n"));
        w.executor.advance(1s);
        EXPECT_EQ(w.peer.last_status(), c.good ? 200 : 403);
        EXPECT_EQ(w.router.got.size(), c.good ? 1u : 0u);
    }
}

TEST(SipGatewayTls, PlainTcpIsRefusedWhereTlsIsDemanded) {
    TlsWorld w{"simple", "edge.example.net:5060", {}, certificate("sip.example.net")};
    w.peer.connect(5060);
    w.peer.say(w.request("SUBSCRIBE", "1", {}, "Event: presence\nExpires: 3600\n"));
    EXPECT_EQ(w.peer.last_status(), 403);
    EXPECT_TRUE(w.router.got.empty());
}

// A connection that spoke old TLS while the partner was allowed to.
TEST(SipGatewayTls, OldTlsEndsOnItsDay) {
    TlsWorld w{"ocs", "", {}, certificate("edge.example.net")};
    auto changed = std::make_shared<SipSettings>(*w.settings);
    changed->legacy_domains["example.com"] = changed->legacy_inbound = own_context();
    changed->policy.rules["sip.example.net"].legacy_tls_until = w.executor.clock().wall() + 10s;
    w.settings = changed;
    w.network.set_protocol("TLSv1");
    w.peer.connect(5061, true);
    w.executor.advance(1s);  // where the partner may come from is looked up first
    w.peer.say(w.request("SUBSCRIBE", "1", {}, "Event: presence\nExpires: 3600\n"));
    w.executor.advance(1s);
    EXPECT_EQ(w.peer.last_status(), 200);
    w.executor.advance(10s);
    w.peer.say(w.request("SUBSCRIBE", "1", {}, "Event: presence\nExpires: 3600\n", "bob@sip.example.net", "c2"));
    w.executor.advance(1s);
    EXPECT_EQ(w.peer.last_status(), 403);
}

}  // namespace
}  // namespace parley::gateway
