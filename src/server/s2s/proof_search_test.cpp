#include "server/s2s/proof_search.hpp"

#include <gtest/gtest.h>

#include "net/certificate.hpp"
#include "net/dane.hpp"
#include "net/tls_context.hpp"
#include "tests/support/fake_executor.hpp"
#include "tests/support/memory_network.hpp"
#include "tests/support/temporary_folder.hpp"

namespace parley::server {
namespace {

// The end of a connection that has shown a certificate, and no more.
class Shown final : public net::Connection {
public:
    Shown(std::vector<std::string> der, Executor& executor) : der_(std::move(der)), executor_(executor) {
        info_.peer.emplace();
    }
    std::vector<std::string> peer_certificates() const override { return der_; }
    const net::TlsInfo* tls() const override { return &info_; }
    Executor& executor() const override { return executor_; }
    const net::Endpoint& remote() const override { return endpoint_; }
    const net::Endpoint& local() const override { return endpoint_; }
    void set_handler(Handler*) override {}
    void send(std::string_view) override {}
    std::size_t unsent() const override { return 0; }
    void pause_reading(bool) override {}
    void start_tls(std::shared_ptr<net::TlsContext>, TlsRole, std::string) override {}
    void close() override {}
    void abort() override {}
    std::string channel_binding() const override { return {}; }
    void move_to(Executor&, Function<void()>) override {}

private:
    std::vector<std::string> der_;
    net::TlsInfo info_;
    net::Endpoint endpoint_;
    Executor& executor_;
};

const std::string srv = "_xmpp-server._tcp.a.example", direct = "_xmpps-server._tcp.a.example";

std::shared_ptr<net::TlsContext> self_signed(test::TemporaryFolder& folder, const std::string& domain) {
    const auto certificate = folder.path() + '/' + domain + ".crt", key = folder.path() + '/' + domain + ".key";
    EXPECT_TRUE(net::make_self_signed({{domain}, certificate, key}));
    return *net::TlsContext::load({.certificate_file = certificate, .key_file = key, .trust_system = false});
}

class ProofSearches : public testing::Test {
protected:
    ProofSearches() { publish(srv, "one.a.example", {key}); }

    // A server in the SRV record, with its TLSA records; all of it secure.
    void publish(const std::string& service, const std::string& host, std::vector<net::TlsaRecord> records) {
        auto& dns = network.dns();
        dns.srv[service].push_back({0, 0, 5269, host});
        dns.tlsa[net::tlsa_name(host, 5269)] = std::move(records);
        dns.secure[service] = dns.secure[net::tlsa_name(host, 5269)] = true;
    }
    ProofSearch::Question question(bool dnssec = true) {
        return {network, executor, connection, context, "a.example", dnssec, nullptr};
    }
    CertificateJudgement find(bool dnssec = true) {
        std::optional<CertificateJudgement> found;
        const auto search =
            ProofSearch::start(question(dnssec), [&](CertificateJudgement judgement) { found = std::move(judgement); });
        EXPECT_FALSE(found) << "later, not at once";
        executor.run_until([&] { return found.has_value(); });
        return *found;
    }

    test::TemporaryFolder folder;
    test::FakeExecutor executor;
    test::MemoryNetwork network;
    std::shared_ptr<net::TlsContext> context = self_signed(folder, "a.example"),
                                     other = self_signed(folder, "b.example");
    net::TlsaRecord key = *net::tlsa_for_key_of(net::own_certificates(*context).front());
    net::TlsaRecord wrong = *net::tlsa_for_key_of(net::own_certificates(*other).front());
    Shown connection{net::own_certificates(*context), executor};
};

TEST_F(ProofSearches, ARecordOfAnyTargetIsEnough) {
    EXPECT_EQ(find().by, ProvenBy::dane);
    network.dns().srv.clear();
    publish(srv, "one.a.example", {wrong});
    publish(direct, "two.a.example", {wrong, key});
    EXPECT_EQ(find().by, ProvenBy::dane);
}

TEST_F(ProofSearches, OtherKeysSpeakAgainstIt) {
    network.dns().srv.clear();
    publish(srv, "one.a.example", {wrong});
    const auto judgement = find();
    EXPECT_EQ(judgement.by, ProvenBy::nothing);
    EXPECT_TRUE(judgement.contradicted);
    EXPECT_NE(judgement.problem.find("_5269._tcp.one.a.example TLSA 3 1 1"), std::string::npos) << judgement.problem;
}

struct Unproven {
    const char* name;
    std::string insecure;  // this name
    std::string bogus;     // or that
    bool contradicted;
};

TEST_F(ProofSearches, AllOfItMustBeGenuine) {
    const auto tlsa = net::tlsa_name("one.a.example", 5269);
    for (const auto& c : {Unproven{"the SRV record", srv, "", false}, Unproven{"the TLSA record", tlsa, "", false},
                          Unproven{"a bogus SRV record", "", srv, true},
                          Unproven{"a bogus SRV record of the other kind", "", direct, true},
                          Unproven{"a bogus TLSA record", "", tlsa, true}}) {
        SCOPED_TRACE(c.name);
        network.dns().secure = {{srv, true}, {tlsa, true}};
        network.dns().failing.clear();
        network.dns().secure.erase(c.insecure);
        if (!c.bogus.empty()) network.dns().failing = {{c.bogus, Error{Errc::forbidden, "it fails its DNSSEC check"}}};
        const auto judgement = find();
        EXPECT_EQ(judgement.by, ProvenBy::nothing);
        EXPECT_EQ(judgement.contradicted, c.contradicted);
        EXPECT_EQ(judgement.problem.empty(), !c.contradicted) << judgement.problem;
    }
}

TEST_F(ProofSearches, AsksNothingWithoutDnssecAndNotTooMuchWithIt) {
    EXPECT_EQ(find(false).by, ProvenBy::nothing);
    EXPECT_TRUE(network.dns().asked.empty());
    for (int i = 0; i < 90; ++i) publish(direct, "h" + std::to_string(i) + ".a.example", {wrong});
    EXPECT_EQ(find().by, ProvenBy::dane) << "the first is among those that are asked";
    EXPECT_LE(network.dns().asked.size(), 2u + 8u);
}

TEST_F(ProofSearches, EndsInTime) {
    network.dns().silent[srv] = true;  // 3 s, and then what the other record says
    const auto before = executor.clock().now();
    EXPECT_EQ(find().by, ProvenBy::nothing);
    EXPECT_LE(executor.clock().now() - before, ProofSearch::patience);
}

TEST_F(ProofSearches, OnlySoManyAtATime) {
    network.dns().silent[srv] = true;
    std::vector<std::shared_ptr<ProofSearch>> running;
    int found = 0;
    for (int i = 0; i < ProofSearch::most_at_once; ++i)
        running.push_back(ProofSearch::start(question(), [&](const CertificateJudgement&) { ++found; }));
    executor.run_until_idle();
    EXPECT_EQ(found, 0);
    EXPECT_NE(find().problem.find("too many"), std::string::npos);
    running.clear();
    executor.advance(Seconds{20});
    EXPECT_EQ(found, 0) << "who lets go of a search hears nothing more";
    network.dns().silent.clear();
    EXPECT_EQ(find().by, ProvenBy::dane);
}

}  // namespace
}  // namespace parley::server
