#include "im/disco.hpp"

#include <gtest/gtest.h>

#include "im/caps.hpp"
#include "xml/parser.hpp"
#include "xml/writer.hpp"

namespace parley::im {
namespace {

xml::Element element(std::string_view text) {
    auto parsed = xml::parse_document(text);
    EXPECT_TRUE(parsed) << text;
    return parsed ? *std::move(parsed) : xml::Element();
}
xmpp::DiscoInfo info(std::string_view text) {
    return *xmpp::decode<xmpp::DiscoInfo>(element(text));
}

constexpr std::string_view simple =
    "<query xmlns='http://jabber.org/protocol/disco#info' "
    "node='http://code.google.com/p/exodus#QgayPKawpkPSDYmwT/WM94uAlu0='>"
    "<identity category='client' name='Exodus 0.9.1' type='pc'/>"
    "<feature var='http://jabber.org/protocol/caps'/><feature var='http://jabber.org/protocol/disco#items'/>"
    "<feature var='http://jabber.org/protocol/disco#info'/><feature var='http://jabber.org/protocol/muc'/></query>";

// XEP-0115 5.3; `extra` stands before the end of the query.
std::string complex(std::string_view extra = {}) {
    return "<query xmlns='http://jabber.org/protocol/disco#info' node='http://psi-im.org#q07IKJEyjvHSyhy//CH0CxmKi8w='>"
           "<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>"
           "<identity xml:lang='el' category='client' name='\u03A8 0.11' type='pc'/>"
           "<feature var='http://jabber.org/protocol/caps'/><feature var='http://jabber.org/protocol/disco#info'/>"
           "<feature var='http://jabber.org/protocol/disco#items'/><feature var='http://jabber.org/protocol/muc'/>"
           "<x xmlns='jabber:x:data' type='result'>"
           "<field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>"
           "<field var='ip_version'><value>ipv4</value><value>ipv6</value></field><field "
           "var='os'><value>Mac</value></field>"
           "<field var='os_version'><value>10.5.1</value></field><field var='software'><value>Psi</value></field>"
           "<field var='software_version'><value>0.11</value></field></x>" +
           std::string(extra) + "</query>";
}

TEST(Caps, VerificationStrings) {
    EXPECT_EQ(caps_verification(info(simple)), "QgayPKawpkPSDYmwT/WM94uAlu0=");     // XEP-0115 5.2
    EXPECT_EQ(caps_verification(info(complex())), "q07IKJEyjvHSyhy//CH0CxmKi8w=");  // 5.3
    const std::string x = "<x xmlns='jabber:x:data' type='result'>", end = "</x>";
    // 5.4: left out
    EXPECT_EQ(caps_verification(info(complex(x + "<field var='a'><value>b</value></field>" + end))),
              "q07IKJEyjvHSyhy//CH0CxmKi8w=");
    EXPECT_EQ(caps_verification(info(complex(x + "<field var='FORM_TYPE'><value>b</value></field>" + end))),
              "q07IKJEyjvHSyhy//CH0CxmKi8w=");
    struct Case {
        std::string_view why;
        std::string extra;
    };
    for (const auto& c : {
             Case{"5.4 (3.3): an identity twice",
                  "<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>"},
             Case{"5.4 (3.4): a feature twice", "<feature var='http://jabber.org/protocol/muc'/>"},
             Case{"5.4 (3.5): a form type twice",
                  x + "<field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>" +
                      end},
             Case{"5.4 (3.6): a form of two types",
                  x + "<field var='FORM_TYPE' type='hidden'><value>a</value><value>b</value></field>" + end},
             Case{"the separator in a feature", "<feature var='a&lt;b'/>"},
             Case{"the separator in a form", x +
                                                 "<field var='FORM_TYPE' type='hidden'><value>a</value></field><field "
                                                 "var='b'><value>&lt;</value></field>" +
                                                 end},
         }) {
        SCOPED_TRACE(c.why);
        EXPECT_EQ(caps_verification(info(complex(c.extra))), std::nullopt);
    }
    EXPECT_EQ(caps_verification(info(simple), "md5"), std::nullopt);
    EXPECT_NE(caps_verification(info(simple), "sha-256"), std::nullopt);
}

TEST(Caps, ForgedHashesAreRefused) {
    const auto announced = *xmpp::decode<xmpp::Caps>(
        element("<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='http://code.google.com/p/exodus' "
                "ver='QgayPKawpkPSDYmwT/WM94uAlu0='/>"));
    CapsCache cache;
    EXPECT_EQ(cache.features(announced), nullptr);
    auto forged = info(simple);
    forged.features.push_back("urn:parley:native:0");
    EXPECT_EQ(cache.learn(announced, forged).error().code, Errc::forbidden);
    EXPECT_EQ(cache.learn({"", announced.node, announced.ver}, info(simple)).error().code, Errc::forbidden);
    EXPECT_EQ(cache.features(announced), nullptr);
    ASSERT_TRUE(cache.learn(announced, info(simple)));
    ASSERT_TRUE(cache.learn(announced, info(simple)));
    ASSERT_NE(cache.features(announced), nullptr);
    EXPECT_TRUE(cache.features(announced)->contains("http://jabber.org/protocol/muc"));
    EXPECT_NE(cache.features({"sha-1", "another client", announced.ver}), nullptr);
    EXPECT_EQ(cache.size(), 1U);

    for (std::size_t i = 0; i < CapsCache::entries_max; ++i) {
        const xmpp::DiscoInfo other{{}, {}, {std::to_string(i)}, {}};
        ASSERT_TRUE(cache.learn({"sha-1", "n", *caps_verification(other)}, other));
    }
    EXPECT_EQ(cache.size(), CapsCache::entries_max);
    EXPECT_EQ(cache.features(announced), nullptr);
}

TEST(Disco, TheServerDescribesItself) {
    ServerDisco server;
    server.features = {"urn:xmpp:ping", "urn:xmpp:carbons:2", "urn:xmpp:ping"};
    server.items = {{*xmpp::Jid::parse("conference.example.com"), "", "Rooms"}};
    const auto answer = [&](std::string_view text) { return answer_server_disco(server, element(text)); };

    const auto plain = answer("<query xmlns='http://jabber.org/protocol/disco#info'/>");
    const auto described = *xmpp::decode<xmpp::DiscoInfo>(std::get<xml::Element>(plain));
    EXPECT_EQ(described.identities, (std::vector<xmpp::DiscoIdentity>{{"server", "im", "parley", ""}}));
    EXPECT_EQ(described.features, (std::vector<std::string>{"http://jabber.org/protocol/disco#info",
                                                            "http://jabber.org/protocol/disco#items",
                                                            "urn:xmpp:carbons:2", "urn:xmpp:ping"}));
    const auto caps = server.caps();
    EXPECT_EQ(caps_verification(described), caps.ver);
    const auto by_hash =
        answer("<query xmlns='http://jabber.org/protocol/disco#info' node='" + caps.node + "#" + caps.ver + "'/>");
    EXPECT_EQ(std::get<xml::Element>(by_hash).attribute("node"), caps.node + "#" + caps.ver);
    for (const auto* unknown : {"<query xmlns='http://jabber.org/protocol/disco#info' node='x'/>",
                                "<query xmlns='http://jabber.org/protocol/disco#items' node='x'/>"})
        EXPECT_EQ(std::get<xmpp::StanzaError>(answer(unknown)).condition, "item-not-found");
    const auto items = answer("<query xmlns='http://jabber.org/protocol/disco#items'/>");
    EXPECT_EQ(xmpp::decode<xmpp::DiscoItems>(std::get<xml::Element>(items))->items, server.items);
}

TEST(Disco, AnAccountIsSeenByWhoMaySeeIt) {  // XEP-0030 8
    const auto query = element("<query xmlns='http://jabber.org/protocol/disco#info'/>");
    for (const auto& [exists, may_see] : {std::pair{false, true}, std::pair{true, false}, std::pair{false, false}})
        EXPECT_EQ(std::get<xmpp::StanzaError>(answer_account_disco(exists, may_see, {}, query)).condition,
                  "service-unavailable");
    const auto seen =
        *xmpp::decode<xmpp::DiscoInfo>(std::get<xml::Element>(answer_account_disco(true, true, {"vcard-temp"}, query)));
    EXPECT_EQ(seen.identities.front().category, "account");
    EXPECT_TRUE(seen.has("vcard-temp") && seen.has("http://jabber.org/protocol/disco#info"));
    const auto items = element("<query xmlns='http://jabber.org/protocol/disco#items'/>");
    EXPECT_EQ(std::get<xml::Element>(answer_account_disco(true, true, {}, items)).child_count(), 0U);
    const auto node = element("<query xmlns='http://jabber.org/protocol/disco#items' node='x'/>");
    EXPECT_EQ(std::get<xmpp::StanzaError>(answer_account_disco(true, true, {}, node)).condition, "item-not-found");
}

TEST(Disco, RoundTrips) {
    for (const auto& text : {std::string(simple), complex()}) {
        const auto once = info(text);
        EXPECT_TRUE(*xmpp::decode<xmpp::DiscoInfo>(element(xml::to_string(encode(once)))) == once);
    }
    const xmpp::DiscoItems items{
        "n", {{*xmpp::Jid::parse("a.example"), "node", "name"}, {*xmpp::Jid::parse("b@a.example/c"), "", ""}}};
    EXPECT_TRUE(*xmpp::decode<xmpp::DiscoItems>(element(xml::to_string(encode(items)))) == items);
    EXPECT_FALSE(xmpp::decode<xmpp::DiscoItems>(
        element("<query xmlns='http://jabber.org/protocol/disco#items'><item/></query>")));
    EXPECT_FALSE(xmpp::decode<xmpp::Caps>(element("<c xmlns='http://jabber.org/protocol/caps' ver='x'/>")));
}

}  // namespace
}  // namespace parley::im
