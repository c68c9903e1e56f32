#include "server/transport_finder.hpp"

#include <gtest/gtest.h>

#include "tests/support/fake_executor.hpp"
#include "tests/support/memory_network.hpp"

namespace parley::server {
namespace {

using namespace std::chrono_literals;
using im::Transport;

struct Case {
    std::string why;
    std::vector<std::string> published;  // SRV names, without the domain
    im::TlsPolicy tls;
    std::optional<Transport> way;
    std::string profile;
};

const std::vector<Case> cases{
    {"XMPP alone", {"_xmpp-server._tcp"}, im::TlsPolicy::required, Transport::xmpp, ""},
    {"XMPP with TLS from the start alone", {"_xmpps-server._tcp"}, im::TlsPolicy::required, Transport::xmpp, ""},
    {"both: XMPP", {"_xmpp-server._tcp", "_sipfederationtls._tcp"}, im::TlsPolicy::required, Transport::xmpp, ""},
    {"a standard SIP server", {"_sips._tcp"}, im::TlsPolicy::required, Transport::sip, "simple"},
    {"a Microsoft edge", {"_sipfederationtls._tcp"}, im::TlsPolicy::required, Transport::sip, "lync"},
    {"both SIP names", {"_sips._tcp", "_sipfederationtls._tcp"}, im::TlsPolicy::required, Transport::sip, "simple"},
    {"SIP without TLS, which the rule forbids", {"_sip._tcp"}, im::TlsPolicy::required, {}, ""},
    {"SIP without TLS, which the rule allows", {"_sip._tcp"}, im::TlsPolicy::optional, Transport::sip, "simple"},
    {"nothing", {}, im::TlsPolicy::required, {}, ""},
};

struct Finder {
    explicit Finder(im::TlsPolicy tls = im::TlsPolicy::required) {
        rule.domain = "partner.example";
        rule.tls = tls;
        policy.rules["partner.example"] = rule;
    }
    void publish(const std::string& name) {
        network.dns().srv[name + ".partner.example"] = {{0, 0, 5000, "host.partner.example"}};
    }
    void ask() {
        answer.reset();
        finder.find(executor, "partner.example", [this](Result<Transport> way) { answer = std::move(way); });
        executor.run_until_idle();
    }
    const im::DomainRule effective() { return finder.apply(policy).settings("partner.example"); }

    test::FakeExecutor executor;
    test::MemoryNetwork network;
    im::DomainRule rule;
    im::FederationPolicy policy;
    int changes = 0;
    TransportFinder finder{network, executor, [this] { ++changes; }};
    std::optional<Result<Transport>> answer;
};

TEST(TransportFinder, ChoosesByWhatTheDomainPublishes) {
    for (const auto& c : cases) {
        SCOPED_TRACE(c.why);
        Finder f(c.tls);
        for (const auto& name : c.published) f.publish(name);
        f.finder.set_policy(f.policy);
        f.ask();
        ASSERT_TRUE(f.answer);
        ASSERT_EQ(f.answer->has_value(), c.way.has_value());
        EXPECT_EQ(f.effective().transport, c.way.value_or(Transport::automatic));
        EXPECT_EQ(f.effective().profile, c.profile);
        if (c.way) continue;
        EXPECT_NE(f.answer->error().detail.find("partner.example publishes"), std::string::npos);
    }
}

TEST(TransportFinder, LooksAgainWhenTheRecordsHaveRunOut) {
    Finder f;
    f.publish("_sips._tcp");
    f.finder.set_policy(f.policy);
    f.ask();
    EXPECT_EQ(f.effective().transport, Transport::sip);
    const auto asked = f.network.dns().asked.size();
    f.ask();
    EXPECT_EQ(f.network.dns().asked.size(), asked) << "what is known is not asked again";
    f.publish("_xmpp-server._tcp");
    f.executor.advance(2h);
    EXPECT_EQ(f.effective().transport, Transport::xmpp);
    EXPECT_EQ(f.changes, 2);
}

TEST(TransportFinder, SilenceOfDnsDoesNotChangeTheWay) {
    Finder f;
    f.publish("_sips._tcp");
    f.finder.set_policy(f.policy);
    f.ask();
    f.network.dns().srv.clear();
    for (const auto service : services)
        f.network.dns().silent[std::string(srv_prefix(service)) + "partner.example"] = true;
    f.executor.advance(3h);
    EXPECT_EQ(f.effective().transport, Transport::sip);
    f.network.dns().silent.clear();
    f.publish("_xmpp-server._tcp");
    f.executor.advance(1h);
    EXPECT_EQ(f.effective().transport, Transport::xmpp);
}

TEST(TransportFinder, ManyRulesAreNoFloodOfQuestionsAndWhoWaitsComesFirst) {
    Finder f;
    f.publish("_sips._tcp");
    for (int i = 0; i < 500; ++i) {
        im::DomainRule rule;
        rule.domain = "p" + std::to_string(i) + ".example";
        for (const auto service : services)
            f.network.dns().silent[std::string(srv_prefix(service)) + rule.domain] = true;
        f.policy.rules[rule.domain] = rule;
    }
    f.finder.set_policy(f.policy);
    f.executor.run_until_idle();
    EXPECT_EQ(f.network.dns().asked.size(), TransportFinder::most_searches * services.size());
    f.executor.advance(1s);
    f.ask();  // "partner" is behind "p0" to "p499"
    f.executor.advance(3s);
    ASSERT_TRUE(f.answer) << "after the first fifty have timed out";
    EXPECT_EQ(f.answer->value(), Transport::sip);
    f.executor.advance(60s);
    EXPECT_GE(f.network.dns().asked.size(), 501 * services.size());
}

TEST(TransportFinder, ARefusalIsKeptForAMomentOnly) {
    Finder f;
    f.finder.set_policy(f.policy);
    f.ask();
    EXPECT_EQ(f.answer->error().code, Errc::not_found);
    f.publish("_xmpp-server._tcp");
    f.ask();
    EXPECT_FALSE(*f.answer);
    f.executor.advance(31s);
    f.ask();
    EXPECT_EQ(f.answer->value(), Transport::xmpp);
}

TEST(TransportFinder, ARuleThatGoesIsForgottenAndItsAskersAreTold) {
    Finder f;
    for (const auto service : services)
        f.network.dns().silent[std::string(srv_prefix(service)) + "partner.example"] = true;
    f.finder.set_policy(f.policy);
    f.ask();
    EXPECT_FALSE(f.answer);
    f.finder.set_policy({});
    f.executor.run_until_idle();
    ASSERT_TRUE(f.answer);
    EXPECT_FALSE(*f.answer);
    f.executor.advance(1h);
    EXPECT_FALSE(f.finder.decision("partner.example"));
    f.ask();
    EXPECT_FALSE(*f.answer) << "no rule, no question";
}

}  // namespace
}  // namespace parley::server
