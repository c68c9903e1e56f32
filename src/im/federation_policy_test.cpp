#include "im/federation_policy.hpp"

#include <gtest/gtest.h>

namespace parley::im {
namespace {

FederationPolicy policy(bool xmpp_default) {
    FederationPolicy made;
    made.xmpp_default_allowed = xmpp_default;
    const auto add = [&](std::string domain, bool allowed, Transport transport) {
        DomainRule rule;
        rule.domain = domain;
        rule.allowed = allowed;
        rule.transport = transport;
        made.rules[std::move(domain)] = rule;
    };
    add("both.example", true, Transport::automatic);
    add("sip.example", true, Transport::sip);
    add("xmpp.example", true, Transport::xmpp);
    add("bad.example", false, Transport::automatic);
    add("bad-sip.example", false, Transport::sip);
    return made;
}

TEST(FederationPolicy, SipByListXmppByDefaultWithExceptions) {  // requirement D1
    using Route = std::optional<Transport>;
    struct Case {
        std::string_view domain;
        bool xmpp, sip;
        Route route;
        bool xmpp_by_default;  // the same with xmpp_default_allowed
        Route route_by_default;
    };
    const Route none;
    for (const auto& c : {
             Case{"both.example", true, true, Transport::automatic, true, Transport::automatic},
             Case{"sip.example", false, true, Transport::sip, false, Transport::sip},
             Case{"xmpp.example", true, false, Transport::xmpp, true, Transport::xmpp},
             Case{"bad.example", false, false, none, false, none},
             Case{"bad-sip.example", false, false, none, false, none},
             Case{"other.example", false, false, none, true, Transport::xmpp},
             Case{"sub.both.example", false, false, none, true, Transport::xmpp},  // a rule names the domain itself
             Case{"sub.bad.example", false, false, none, true, Transport::xmpp},
             Case{"", false, false, none, true, Transport::xmpp},
         }) {
        SCOPED_TRACE(c.domain);
        const auto closed = policy(false), open = policy(true);
        EXPECT_EQ(closed.xmpp_allowed(c.domain), c.xmpp);
        EXPECT_EQ(open.xmpp_allowed(c.domain), c.xmpp_by_default);
        EXPECT_EQ(closed.sip_allowed(c.domain), c.sip);
        EXPECT_EQ(open.sip_allowed(c.domain), c.sip);
        EXPECT_EQ(closed.route(c.domain), c.route);
        EXPECT_EQ(open.route(c.domain), c.route_by_default);
    }
}

TEST(FederationPolicy, SettingsAreThoseOfTheRuleOrTheDefaults) {
    auto open = policy(true);
    open.rules["both.example"].tls = TlsPolicy::optional;
    EXPECT_EQ(open.settings("both.example").tls, TlsPolicy::optional);
    const auto defaults = open.settings("other.example");
    EXPECT_EQ(defaults.domain, "other.example");
    EXPECT_TRUE(defaults.allowed);
    EXPECT_EQ(defaults.tls, TlsPolicy::required);
    EXPECT_FALSE(defaults.dialback);
    EXPECT_FALSE(policy(false).settings("other.example").allowed);
}

}  // namespace
}  // namespace parley::im
