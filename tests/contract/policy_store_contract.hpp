#pragma once

#include "tests/contract/store_fixture.hpp"

namespace parley::test {

class PolicyStoreContract : public StoreContract {
protected:
    im::FederationPolicy load() {
        return wait<im::FederationPolicy>([&](auto done) { stores_->policy().load(std::move(done)); }).value();
    }
    Result<void> put(const im::DomainRule& rule) {
        return wait([&](auto done) { stores_->policy().put(rule, std::move(done)); });
    }
    Result<void> remove(const std::string& domain) {
        return wait([&](auto done) { stores_->policy().remove(domain, std::move(done)); });
    }
};

TEST_P(PolicyStoreContract, AllowsNothingAtFirst) {
    EXPECT_FALSE(load().xmpp_default_allowed);
    EXPECT_TRUE(load().rules.empty());
}

TEST_P(PolicyStoreContract, KeepsEveryFieldOfARule) {
    std::vector<im::DomainRule> rules(3);
    rules[0].domain = "plain.example";
    rules[1] = {.domain = "xmpp.example",
                .allowed = false,
                .transport = im::Transport::xmpp,
                .profile = "xmpp",
                .tls = im::TlsPolicy::off,
                .dialback = true,
                .plain_dialback = true,
                .trusted_certificate = false,
                .external_in = false,
                .external_out = false,
                .ask_certificate = false,
                .direct_tls = false,
                .bidi = false,
                .release = "8.6",
                .next_hop = "192.0.2.1:5269",
                .next_hop_tls = false,
                .clearing_house = {},
                .tls_names = {"a.example", "*.b.example"},
                .comment = "asked for by \"ops\""};
    rules[2].domain = "sip.example";
    rules[2].transport = im::Transport::sip;
    rules[2].tls = im::TlsPolicy::optional;
    rules[2].trusted_by_partner = true;
    rules[2].clearing_house = "aol.example";
    rules[2].mail_names = false;
    rules[0].inbound = false;
    rules[1].outbound = false;
    rules[2].subdomains = true;
    rules[2].legacy_tls_until = TimePoint{Seconds{1'800'000'000}};
    for (const auto& rule : rules) ASSERT_TRUE(put(rule));
    reopen();
    const auto policy = load();
    ASSERT_EQ(policy.rules.size(), rules.size());
    for (const auto& rule : rules) EXPECT_EQ(policy.rules.at(rule.domain), rule) << rule.domain;
}

TEST_P(PolicyStoreContract, ReplacesAndRemovesRules) {
    im::DomainRule rule;
    rule.domain = "xmpp.example";
    ASSERT_TRUE(put(rule));
    rule.allowed = false;
    ASSERT_TRUE(put(rule));
    ASSERT_EQ(load().rules.size(), 1u);
    EXPECT_FALSE(load().rules.at("xmpp.example").allowed);
    ASSERT_TRUE(remove("xmpp.example"));
    EXPECT_EQ(remove("xmpp.example").error().code, Errc::not_found);
    EXPECT_TRUE(load().rules.empty());
}

TEST_P(PolicyStoreContract, KeepsTheDefault) {
    for (const bool allowed : {true, false, true}) {
        ASSERT_TRUE(wait([&](auto done) { stores_->policy().set_default(allowed, std::move(done)); }));
        reopen();
        EXPECT_EQ(load().xmpp_default_allowed, allowed);
    }
}

}  // namespace parley::test
