#include "server/s2s/targets.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/support/fake_executor.hpp"
#include "tests/support/memory_network.hpp"

namespace parley::server {
namespace {

const net::TlsaRecord record{3, 1, 1, std::string(32, 'x')};
const std::string srv = "_xmpp-server._tcp.a.example", host = "xmpp.a.example", tlsa = "_5269._tcp.xmpp.a.example";

// One domain with one server; a test says what of its DNS is secure.
class Targets : public testing::Test {
protected:
    Targets() {
        auto& dns = network.dns();
        dns.srv[srv] = {{0, 0, 5269, host}};
        dns.host[host] = {"192.0.2.1", "192.0.2.2"};
        dns.tlsa[tlsa] = {record, {9, 1, 1, record.data}};
    }
    void secure(const std::vector<std::string>& names) {
        for (const auto& name : names) network.dns().secure[name] = true;
    }
    Result<std::deque<Target>> find() {
        std::optional<Result<std::deque<Target>>> found;
        const auto search = TargetSearch::start(network, executor, random, "a.example", rule,
                                                [&](Result<std::deque<Target>> result) { found = std::move(result); });
        executor.run_until([&] { return found.has_value(); });
        return *found;
    }
    bool asked_tlsa() {
        const auto& asked = network.dns().asked;
        return std::find(asked.begin(), asked.end(), "TLSA " + tlsa) != asked.end();
    }

    test::FakeExecutor executor;
    test::MemoryNetwork network;
    SeededRandom random{1};
    im::DomainRule rule;
};

TEST_F(Targets, SecureRecordsComeWithTheTarget) {
    secure({srv, host, tlsa});
    const auto found = find();
    ASSERT_TRUE(found && found->size() == 2);
    for (const auto& target : *found) {
        ASSERT_TRUE(target.secure);
        EXPECT_EQ(target.secure->host, host);
        EXPECT_EQ(target.secure->tlsa, std::vector{record}) << "only what can be used";
    }
}

struct SecureCase {
    const char* name;
    std::vector<std::string> names;
    bool name_counts, asks, has_records;
};

TEST_F(Targets, EveryStepMustBeSecure) {
    for (const auto& c : {SecureCase{"nothing", {}, false, false, false},
                          SecureCase{"not the SRV record", {host, tlsa}, false, false, false},
                          SecureCase{"not the address: RFC 7673 3.2", {srv, tlsa}, true, false, false},
                          SecureCase{"not the TLSA record", {srv, host}, true, true, false},
                          SecureCase{"all", {srv, host, tlsa}, true, true, true}}) {
        SCOPED_TRACE(c.name);
        network.dns().secure.clear();
        network.dns().asked.clear();
        secure(c.names);
        const auto found = find();
        ASSERT_TRUE(found && found->size() == 2);
        EXPECT_EQ(found->front().secure != nullptr, c.name_counts);
        EXPECT_EQ(asked_tlsa(), c.asks);
        EXPECT_EQ(found->front().secure && !found->front().secure->tlsa.empty(), c.has_records);
    }
}

TEST_F(Targets, WhatDnssecShowsToBeFalseLeadsNowhere) {
    const Error bogus{Errc::forbidden, "DNS for it fails its DNSSEC check: bad"};
    for (const auto& name : {srv, host, tlsa, std::string("_xmpps-server._tcp.a.example")}) {
        SCOPED_TRACE(name);
        network.dns().secure.clear();
        secure({srv, host});
        network.dns().failing = {{name, bogus}};
        const auto found = find();
        ASSERT_FALSE(found);
        EXPECT_NE(found.error().detail.find("fails its DNSSEC check"), std::string::npos) << found.error().detail;
    }
}

TEST_F(Targets, AnotherTargetIsLeftWhenTheRecordsOfOneAreHidden) {
    network.dns().srv[srv].push_back({1, 0, 5270, "other.a.example"});
    network.dns().host["other.a.example"] = {"192.0.2.3"};
    secure({srv, host, "other.a.example"});
    network.dns().silent[tlsa] = true;
    const auto found = find();
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), 1u);
    EXPECT_EQ(found->front().host, "other.a.example");
}

TEST_F(Targets, WithoutTlsNobodyAsksForCertificates) {
    secure({srv, host, tlsa});
    rule.tls = im::TlsPolicy::off;
    const auto found = find();
    ASSERT_TRUE(found);
    EXPECT_FALSE(found->front().secure);
    EXPECT_FALSE(asked_tlsa());
}

TEST_F(Targets, ANextHopIsTheAdministratorsOwnWord) {
    secure({srv, host, tlsa});
    rule.next_hop = host;
    const auto found = find();
    ASSERT_TRUE(found);
    EXPECT_FALSE(found->front().secure);
    EXPECT_FALSE(asked_tlsa());
}

TEST_F(Targets, OnlySoManyRecordsAreLookedAt) {
    network.dns().srv[srv].clear();
    for (std::uint16_t i = 0; i < 90; ++i)
        network.dns().srv[srv].push_back({0, 0, i, "h" + std::to_string(i) + ".a.example"});
    EXPECT_FALSE(find());
    EXPECT_LE(network.dns().asked.size(), 2u + 32u);
}

}  // namespace
}  // namespace parley::server
