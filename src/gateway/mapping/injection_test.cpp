// What one side writes stays a value on the other: no header, no element and no address comes of it that was not meant.
#include <gtest/gtest.h>

#include "base/random.hpp"
#include "base/text.hpp"
#include "gateway/mapping/address.hpp"
#include "gateway/mapping/error_tables.hpp"
#include "gateway/mapping/message.hpp"
#include "gateway/mapping/presence.hpp"
#include "sip/message.hpp"
#include "xml/parser.hpp"
#include "xmpp/ns.hpp"

namespace parley::gateway {
namespace {

// Pieces that mean something to one of the two languages, put together at random.
std::string hostile(SeededRandom& random, bool any_bytes) {
    constexpr std::string_view pieces[] = {
        "\r\n",
        "\n",
        "\r",
        "\r\n\r\n",
        "X-Evil: 1",
        "Route: <sip:evil>",
        "<",
        ">",
        "\"",
        "'",
        "&",
        "&amp;",
        "]]>",
        "<!--",
        "</body>",
        "<evil/>",
        "<?x?>",
        "&#0;",
        ";tag=x",
        "?Subject=",
        "%0d%0a",
        "%00",
        "\\27",
        "\\",
        "a",
        "word ",
        "\xc3\xbc",
        "\xe2\x80\xa8",
        "\xc2\x85",
        "\xef\xbf\xbf",
        "\xe2\x80\xae",
        "\t",
        "</presence>",
        "<!DOCTYPE x [",
        "Content-Length: 0",
        "@",
    };
    std::string text;
    for (auto left = random.below(8); left > 0; --left) {
        text += pieces[random.below(std::size(pieces))];
        if (any_bytes && random.below(4) == 0) text += static_cast<char>(random.below(256));
    }
    return text;
}

// Through the wire: what is read back is what was written, field by field.
void expect_same_after_parsing(const sip::Message& message, std::string_view what) {
    const auto bytes = message.serialise();
    const auto parsed = sip::parse_message(bytes);
    ASSERT_TRUE(parsed.has_value()) << what;
    EXPECT_FALSE(parsed->problem) << what;
    EXPECT_EQ(parsed->message.serialise(), bytes) << what;
    EXPECT_EQ(parsed->message.fields().size(), message.fields().size() + 1) << "Content-Length, and " << what;
    EXPECT_EQ(parsed->message.body(), message.body()) << what;
}

TEST(Injection, NoHeaderFromXmpp) {
    SeededRandom random(3261);
    int sent = 0;
    for (int i = 0; i < 1'500; ++i) {
        xmpp::Stanza stanza;
        stanza.kind = xmpp::Stanza::Kind::message;
        stanza.type = "chat";
        const auto subject = hostile(random, false), body = hostile(random, false), thread = hostile(random, false);
        stanza.add(xml::Element(xmpp::ns::client, "subject").with_text(subject));
        stanza.add(xml::Element(xmpp::ns::client, "body").with_text(body));
        stanza.add(xml::Element(xmpp::ns::client, "thread").with_text(thread));
        stanza.lang = hostile(random, false);
        for (const auto& profile : profiles()) {
            const auto what = to_sip(stanza, profile);
            const auto* text = std::get_if<SipText>(&what);
            if (!text) continue;
            ++sent;
            auto message = sip::Message::request("MESSAGE", "sip:bob@example.net");
            message.add(sip::HeaderId::via, "SIP/2.0/TLS a.example;branch=z9hG4bK1");
            message.add(sip::HeaderId::max_forwards, "70");
            message.add(sip::HeaderId::from, "<sip:alice@example.com>;tag=1");
            message.add(sip::HeaderId::to, "<sip:bob@example.net>");
            message.add(sip::HeaderId::call_id, "c1");
            message.add(sip::HeaderId::cseq, "1 MESSAGE");
            if (!text->subject.empty()) message.add(sip::HeaderId::subject, text->subject);
            if (!text->language.empty()) message.add("Content-Language", text->language);
            message.set_body(text->content_type, text->body);
            expect_same_after_parsing(message, subject);
        }
    }
    EXPECT_GT(sent, 3'000);
}

TEST(Injection, NoHeaderFromAnAddress) {
    SeededRandom random(7622);
    int mapped = 0;
    for (int i = 0; i < 20'000; ++i) {
        const auto jid = xmpp::Jid::make(hostile(random, false), "example.com", hostile(random, false));
        if (!jid) continue;
        const auto address = sip_from_jid(*jid, hostile(random, true));
        if (!address) continue;
        ++mapped;
        const auto text = to_uri_text(*address);
        EXPECT_EQ(text.find_first_of(" \t\r\n<>\""), std::string::npos) << text;
        const auto uri = sip::Uri::parse(text);
        ASSERT_TRUE(uri.has_value()) << text;
        EXPECT_EQ(uri->host(), "example.com") << text;
        const auto back = jid_from_sip(*uri);
        ASSERT_TRUE(back.has_value()) << text;
        EXPECT_EQ(*back, *jid) << text;
    }
    EXPECT_GT(mapped, 1'000);
}

// What a client gets is one stanza with the children that were meant, whatever the peer wrote.
void expect_one_stanza(const xmpp::Stanza& stanza, std::string_view what) {
    std::string bytes;
    xmpp::write(bytes, stanza, {});
    auto element = xml::parse_document(bytes);
    ASSERT_TRUE(element.has_value()) << bytes;
    const auto back = xmpp::Stanza::decode(*std::move(element));
    ASSERT_TRUE(back.has_value()) << bytes;
    EXPECT_EQ(*back, stanza) << what;
    EXPECT_EQ(bytes.find("<evil"), std::string::npos) << bytes;
}

TEST(Injection, NoElementFromSip) {
    SeededRandom random(6120);
    int delivered = 0;
    for (int i = 0; i < 1'500; ++i) {
        const auto body = hostile(random, true);
        for (const std::string_view type : {"text/plain;charset=UTF-8", "text/plain", "text/html", "message/cpim",
                                            "multipart/alternative;boundary=b", "text/plain;charset=\"x\r\ny\""}) {
            const auto what = text_of_body(type, body, 1300);
            const auto* text = std::get_if<XmppText>(&what);
            if (!text || text->text.empty()) continue;
            ++delivered;
            expect_one_stanza(to_stanza(*text, true), body);
        }
        sip::Pidf pidf;
        pidf.display_name = hostile(random, true);
        pidf.tuples.push_back({.id = "t", .basic = sip::Pidf::Basic::open});
        pidf.tuples.back().notes.push_back({hostile(random, false), {}});
        pidf.tuples.back().show = hostile(random, false);
        pidf.tuples.back().activities.push_back(hostile(random, false));
        const auto document = sip::encode_pidf(pidf);
        const auto read = sip::decode_pidf(document);
        if (!read) continue;
        for (const auto& profile : profiles())
            expect_one_stanza(presence_for(ClientKind::third_party, read_presence(*read, profile), profile), document);
    }
    EXPECT_GT(delivered, 1'500);
}

TEST(Injection, NoElementFromAnErrorText) {
    SeededRandom random(5922);
    for (int i = 0; i < 1'500; ++i) {
        const auto text = error_text(480, hostile(random, true), "1;reason=\"" + hostile(random, true) + "\"",
                                     "399 h \"" + hostile(random, true) + "\"");
        EXPECT_LE(text.size(), 256u);
        xmpp::Stanza message;
        message.kind = xmpp::Stanza::Kind::message;
        message.add(xml::Element(xmpp::ns::client, "body").with_text(text));
        expect_one_stanza(message, text);
    }
}

// Each pair of ASCII characters in a user part, escaped: refused, or a JID that leads back to it.
TEST(Injection, EveryPairOfCharactersIsRefusedOrComesBack) {
    int mapped = 0;
    for (int a = 0; a < 128; ++a) {
        for (int b = 0; b < 128; ++b) {
            const std::string plain{'u', static_cast<char>(a), static_cast<char>(b), '2', '7'};
            std::string user;
            for (const char& c : plain) user += '%' + hex_encode({&c, 1});
            const auto jid = jid_from_sip(user, "example.com");
            if (!jid) continue;
            ++mapped;
            EXPECT_GE(a, 0x21) << user;
            EXPECT_GE(b, 0x21) << user;
            const auto back = sip_from_jid(*jid);
            ASSERT_TRUE(back.has_value()) << user;
            ASSERT_EQ(sip::unescape(back->user), to_lower(plain)) << user;
        }
    }
    EXPECT_GT(mapped, 5'000);
}

TEST(Injection, DomainsOfAnyScriptComeBack) {
    SeededRandom random(5890);
    constexpr std::string_view letters[] = {"a",        "b",       "z", "0", "\xc3\xbc", "\xe6\x97\xa5", "\xe6\x9c\xac",
                                            "\xce\xb1", "\xd7\x90"};
    int mapped = 0;
    for (int i = 0; i < 2'000; ++i) {
        std::string label = "x";
        for (auto left = 1 + random.below(8); left > 0; --left) label += letters[random.below(std::size(letters))];
        const auto jid = xmpp::Jid::make("u", label + ".example", "");
        if (!jid) continue;  // mixed directions are no domain
        const auto address = sip_from_jid(*jid);
        if (!address) continue;
        ++mapped;
        for (const char c : address->host) EXPECT_TRUE(c > 0x20 && c < 0x7f) << address->host;
        const auto back = jid_from_sip(address->user, address->host);
        ASSERT_TRUE(back.has_value()) << address->host;
        EXPECT_EQ(*back, *jid) << label;
    }
    EXPECT_GT(mapped, 500);
}

}  // namespace
}  // namespace parley::gateway
