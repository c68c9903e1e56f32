#include "gateway/federation/foreign_domain.hpp"

#include <gtest/gtest.h>

namespace parley::gateway {
namespace {

im::FederationPolicy policy(std::initializer_list<im::DomainRule> rules) {
    im::FederationPolicy out;
    for (const auto& rule : rules) out.rules[rule.domain] = rule;
    return out;
}

im::DomainRule rule(std::string domain, std::string profile, bool allowed = true) {
    im::DomainRule out;
    out.domain = std::move(domain);
    out.profile = std::move(profile);
    out.transport = im::Transport::sip;
    out.allowed = allowed;
    return out;
}

TEST(ForeignDomain, AimIsAddressedAtAol) {
    const auto aol = policy({rule("aol.com", "aol"), rule("contoso.example", "ocs")});
    EXPECT_EQ(foreign_domain(aol, "AIM.com"), "aol.com");
    EXPECT_EQ(foreign_domain(aol, "aol.com"), "aol.com");
    EXPECT_EQ(foreign_domain(aol, "contoso.example"), "contoso.example");
    EXPECT_EQ(foreign_domain(aol, "xn--bcher-kva.example"),
              "b\xc3\xbc"
              "cher.example");
    EXPECT_EQ(foreign_domain(aol, "no domain"), "");
    EXPECT_EQ(foreign_domain(policy({}), "aim.com"), "aim.com") << "aol.com is not allowed";
    EXPECT_EQ(foreign_domain(policy({rule("aol.com", "simple")}), "aim.com"), "aim.com") << "another kind of partner";
    EXPECT_EQ(foreign_domain(policy({rule("aol.com", "aol"), rule("aim.com", "aol", false)}), "aim.com"), "aim.com")
        << "its own rule refuses it";
}

TEST(ClearingHouse, KnowsDomainsThatDnsDoesNot) {
    auto house = rule("aol.com", "aol");
    house.next_hop = "sip.oscar.aol.com:5061";
    const auto with = policy({house});
    EXPECT_EQ(clearing_house(with, rule("acompany.example", "aol")).next_hop, house.next_hop);
    EXPECT_EQ(clearing_house(policy({}), rule("acompany.example", "aol")).domain, "aol.com") << "found by its SRV";
    EXPECT_EQ(clearing_house(with, house).domain, "");
    auto hosted = rule("acompany.example", "aol");
    hosted.clearing_house = "Other.example.";
    EXPECT_EQ(clearing_house(with, hosted).domain, "other.example");
    hosted.clearing_house = "no domain";
    EXPECT_EQ(clearing_house(with, hosted).domain, "");
    EXPECT_EQ(clearing_house(with, rule("contoso.example", "ocs")).domain, "");
}

}  // namespace
}  // namespace parley::gateway
