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

TEST(FederationPolicy, SubdomainsByExplicitRule) {  // requirement F1: the longest match decides
    auto made = policy(false);
    made.rules["xmpp.example"].subdomains = true;
    auto& inner = made.rules["a.xmpp.example"] = made.rules["xmpp.example"];
    inner.domain = "a.xmpp.example";
    inner.allowed = inner.subdomains = false;
    auto& deep = made.rules["b.xmpp.example"] = inner;
    deep.domain = "b.xmpp.example";
    deep.subdomains = true;
    struct Case {
        std::string_view domain;
        bool allowed;
    };
    for (const auto& c :
         {Case{"xmpp.example", true}, Case{"sub.xmpp.example", true}, Case{"x.y.xmpp.example", true},
          Case{"a.xmpp.example", false}, Case{"x.a.xmpp.example", true},  // the nearest that is about its subdomains
          Case{"b.xmpp.example", false}, Case{"x.b.xmpp.example", false}, Case{"notxmpp.example", false},
          Case{"example", false}, Case{"xmpp.example.other", false}, Case{"sub.sip.example", false}}) {
        SCOPED_TRACE(c.domain);
        EXPECT_EQ(made.xmpp_allowed(c.domain), c.allowed);
        EXPECT_EQ(made.route(c.domain).has_value(), c.allowed);
    }
    EXPECT_EQ(made.settings("sub.xmpp.example").domain, "sub.xmpp.example");
    EXPECT_TRUE(made.names("xmpp.example"));
    EXPECT_FALSE(made.names("sub.xmpp.example")) << "anybody can make up any number of these";
}

TEST(FederationPolicy, EachDirectionByItself) {
    auto made = policy(true);
    made.rules["xmpp.example"].inbound = false;
    made.rules["sip.example"].outbound = false;
    EXPECT_FALSE(made.may_begin("xmpp.example", true));
    EXPECT_TRUE(made.may_begin("xmpp.example", false));
    EXPECT_TRUE(made.may_begin("sip.example", true));
    EXPECT_FALSE(made.may_begin("sip.example", false));
    EXPECT_TRUE(made.may_begin("other.example", true) && made.may_begin("other.example", false));
    const auto stanza = [](xmpp::Stanza::Kind kind, std::string_view type) {
        xmpp::Stanza made_up;
        made_up.kind = kind;
        made_up.type = type;
        return made_up;
    };
    using Kind = xmpp::Stanza::Kind;
    for (const auto* type : {"", "chat", "headline"}) EXPECT_TRUE(begins(stanza(Kind::message, type)));
    EXPECT_TRUE(begins(stanza(Kind::presence, "subscribe")));
    EXPECT_TRUE(begins(stanza(Kind::iq, "get")) && begins(stanza(Kind::iq, "set")));
    for (const auto* type : {"", "unavailable", "probe", "subscribed", "unsubscribed", "error"})
        EXPECT_FALSE(begins(stanza(Kind::presence, type))) << type;
    EXPECT_FALSE(begins(stanza(Kind::iq, "result")) || begins(stanza(Kind::iq, "error")) ||
                 begins(stanza(Kind::message, "error")));
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
