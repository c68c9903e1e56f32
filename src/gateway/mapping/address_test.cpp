#include "gateway/mapping/address.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "base/text.hpp"

namespace parley::gateway {
namespace {

xmpp::Jid jid(std::string_view text) {
    auto jid = xmpp::Jid::parse(text);
    EXPECT_TRUE(jid.has_value()) << text;
    return jid ? *std::move(jid) : xmpp::Jid{};
}

TEST(AddressMap, BothWays) {
    struct Case {
        std::string_view sip, jid;
    };
    for (const auto& c : {
             Case{"sip:romeo@example.net", "romeo@example.net"},
             // RFC 7247 5.
             Case{"sip:o'malley@example.com", "o\\27malley@example.com"},
             Case{"sip:m&m@example.com", "m\\26m@example.com"},
             Case{"sip:r/d@example.com", "r\\2fd@example.com"},
             Case{"sip:f%C3%BC@example.com", "f\xc3\xbc@example.com"},
             Case{"sip:%23%25%5B%5C%5D%5E%60%7B%7C%7D@example.com", "#%[\\]^`{|}@example.com"},
             Case{"sip:a%5C20b@example.com", "a\\20b@example.com"},  // other escapes of XEP-0106 are only text
             Case{"sip:juliet@example.com;gr=balcony", "juliet@example.com/balcony"},
             Case{"sip:juliet@example.com;gr=dr4hcr0st3lup4c", "juliet@example.com/dr4hcr0st3lup4c"},
             Case{"sip:juliet@example.com;gr=a%20b%3bc/d:[1]", "juliet@example.com/a b;c/d:[1]"},
             Case{"sip:example.com", "example.com"},
             // E-mail addresses as screen names: parentheses are fine on both sides.
             Case{"sip:user(gmail.com)@aol.com", "user(gmail.com)@aol.com"},
             Case{"sip:+15551234;phone-context=x@example.com", "+15551234;phone-context=x@example.com"},
             Case{"sip:a@xn--bcher-kva.example",
                  "a@b\xc3\xbc"
                  "cher.example"},
             Case{"sip:a@[2001:db8::1]", "a@[2001:db8::1]"},
             Case{"sip:a@192.0.2.1", "a@192.0.2.1"},
         }) {
        SCOPED_TRACE(c.sip);
        const auto uri = sip::Uri::parse(c.sip);
        ASSERT_TRUE(uri.has_value());
        const auto to_xmpp = jid_from_sip(*uri);
        ASSERT_TRUE(to_xmpp.has_value()) << to_xmpp.error().detail;
        EXPECT_EQ(to_xmpp->to_string(), c.jid);
        const auto back = sip_from_jid(*to_xmpp);
        ASSERT_TRUE(back.has_value());
        EXPECT_EQ(to_uri_text(*back), c.sip);
        EXPECT_TRUE(sip::Uri::parse(to_uri_text(*back)).has_value());
    }
}

TEST(AddressMap, PeopleWithAMailAddress) {
    struct Case {
        std::string_view local, mail;
    };
    for (const auto& c : {
             Case{"user(gmail.com)", "user@gmail.com"},
             Case{"first.last(mail.sales.example)", "first.last@mail.sales.example"},
             Case{"o\\27malley(mail.example)", "o'malley@mail.example"},
             Case{"user", ""},
             Case{"(gmail.com)", ""},
             Case{"user()", ""},
             Case{"user(gmail)", ""},
             Case{"user(.com)", ""},
             Case{"user(gmail.)", ""},
             Case{"user(gmail.com)x", ""},
             Case{"user(a.b)(c.d)", ""},
             Case{"user(gmail.com", ""},
             Case{"user(g mail.com)", ""},
         }) {
        SCOPED_TRACE(c.local);
        EXPECT_EQ(mail_address(c.local), c.mail);
    }
}

TEST(AddressMap, SpellingsOfOneAddress) {
    struct Case {
        std::string_view sip, jid;
    };
    for (const auto& c : {
             Case{"sip:%61lice@example.com", "alice@example.com"}, Case{"sip:Alice@EXAMPLE.com", "alice@example.com"},
             Case{"sip:a%26b@example.com", "a\\26b@example.com"}, Case{"sip:a%2fb@example.com", "a\\2fb@example.com"},
             Case{"sip:a%2Fb@example.com", "a\\2fb@example.com"},
             Case{"sip:alice:secret@example.com:5061;transport=tls;lr?subject=x", "alice@example.com"},
             Case{"sip:alice@contoso.com;opaque=user:epid:XHiWcZA4TlaDkwMgksvyrQAA;gruu", "alice@contoso.com"},
             Case{"sip:alice@example.com;gr", "alice@example.com"},
             Case{"sip:alice@example.com;gr=", "alice@example.com"},
             Case{"sip:fu%CC%88@example.com", "f\xc3\xbc@example.com"},  // decomposed
         }) {
        SCOPED_TRACE(c.sip);
        const auto uri = sip::Uri::parse(c.sip);
        ASSERT_TRUE(uri.has_value());
        const auto mapped = jid_from_sip(*uri);
        ASSERT_TRUE(mapped.has_value()) << mapped.error().detail;
        EXPECT_EQ(mapped->to_string(), c.jid);
    }
}

TEST(AddressMap, RefusesWhatNoJidCanSay) {
    struct Case {
        std::string_view user, host;
        std::string_view gr = {};
        Errc code = Errc::malformed;
    };
    const std::string long_user(4000, 'a');
    for (const auto& c : {
             Case{"a%00b", "example.com"},
             Case{"a%0d%0aTo:x", "example.com"},
             Case{"a%7f", "example.com"},
             Case{"%1b[0m", "example.com"},
             Case{"a%2", "example.com"},
             Case{"a%zz", "example.com"},
             Case{"%", "example.com"},
             Case{"%ff", "example.com"},
             Case{"%c0%af", "example.com"},
             Case{"%ed%a0%80", "example.com"},
             Case{"a%40evil.example", "example.com"},  // would read as another domain
             Case{"a%20b", "example.com"},
             Case{"a%22", "example.com"},
             Case{"a%3a", "example.com"},
             Case{"a%3cb%3e", "example.com"},
             // A literal escape would become the very JID of another user.
             Case{"a%5c26b", "example.com"},
             Case{"a%5C27b", "example.com"},
             Case{"a%5c2fb", "example.com"},
             Case{"a%5c2Fb", "example.com"},
             Case{"a%ef%bc%bc26b", "example.com"},  // a full-width backslash, which preparation makes a plain one
             Case{"a%ef%bc%86b", "example.com"},    // a full-width ampersand
             Case{long_user, "example.com", {}, Errc::too_long},
             Case{"a", ""},
             Case{"a", "exa mple.com"},
             Case{"a", "example.com%00"},
             Case{"a", "b@example.com"},
             Case{"a", "example.com/x"},
             Case{"a", "example.com", "x%00"},
             Case{"a", "example.com", "x%0a"},
             Case{"a", "example.com", "%ff"},
         }) {
        SCOPED_TRACE(std::string(c.user.substr(0, 40)) + " @ " + std::string(c.host) + " gr " + std::string(c.gr));
        const auto mapped = jid_from_sip(c.user, c.host, c.gr);
        ASSERT_FALSE(mapped.has_value()) << mapped->to_string();
        EXPECT_EQ(mapped.error().code, c.code);
    }
}

TEST(AddressMap, SchemesOtherThanSip) {
    struct Case {
        std::string_view uri;
        Errc code;
    };
    for (const auto& c : {Case{"sips:alice@example.com", Errc::forbidden}, Case{"tel:+15551234", Errc::malformed},
                          Case{"im:alice@example.com", Errc::malformed}}) {
        SCOPED_TRACE(c.uri);
        const auto uri = sip::Uri::parse(c.uri);
        ASSERT_TRUE(uri.has_value());
        const auto mapped = jid_from_sip(*uri);
        ASSERT_FALSE(mapped.has_value());
        EXPECT_EQ(mapped.error().code, c.code);
    }
    EXPECT_FALSE(jid_from_sip(sip::Uri{}).has_value());
}

TEST(AddressMap, TheSpellingLastReceivedGoesOnTheWire) {
    struct Case {
        std::string_view jid, kept, user;
    };
    for (const auto& c : {
             Case{"alice@example.com", "Alice", "Alice"},
             Case{"alice@example.com", "%41lice", "%41lice"},
             Case{"alice@example.com", "", "alice"},
             Case{"alice@example.com", "Bob", "alice"},          // not hers
             Case{"alice@example.com", "alice%0d%0a", "alice"},  // and nothing that may not stand in a header
             Case{"alice@example.com", "alice\r\nX: y", "alice"},
             Case{"alice@example.com", "alice>", "alice"},
             Case{"m\\26m@example.com", "M&M", "M&M"},
         }) {
        SCOPED_TRACE(c.kept);
        const auto address = sip_from_jid(jid(c.jid), c.kept);
        ASSERT_TRUE(address.has_value());
        EXPECT_EQ(address->user, c.user);
    }
    EXPECT_FALSE(sip_from_jid(xmpp::Jid{}).has_value());
    std::string labels;
    while (labels.size() < 300) labels += "label.";
    EXPECT_FALSE(sip_from_jid(jid("a@" + labels + "example")).has_value())
        << "a JID's domain may be longer than a host name";
}

// Every JID has a SIP address that leads back to it, and every SIP address that leads to a JID is, but for case, the
// one that the JID leads to. A fixed seed: a failure repeats.
TEST(AddressMap, IsABijectionOnALargeRandomSet) {
    SeededRandom random(7247);
    constexpr std::string_view sip_alphabet = "abcXYZ019-_.!~*'()&=+$,;?/#%[\\]^`{|}26f7";
    constexpr std::string_view wide[] = {"\xc3\xbc", "\xe6\x97\xa5", "\xef\xbc\xbc",     "\xef\xbc\xa1",
                                         "\xd7\x90", "\xcc\x88",     "\xf0\x9f\x98\x80", "\xc2\xa0"};
    int mapped = 0;
    for (int i = 0; i < 20'000; ++i) {
        std::string plain;
        const auto size = 1 + random.below(12);
        const bool ascii = i % 4 != 0;
        for (std::uint64_t k = 0; k < size; ++k) {
            if (!ascii && random.below(3) == 0)
                plain += wide[random.below(std::size(wide))];
            else
                plain += sip_alphabet[random.below(sip_alphabet.size())];
        }
        // From the SIP side.
        if (const auto there = jid_from_sip(sip::escape_user(plain), "example.com")) {
            ++mapped;
            const auto back = sip_from_jid(*there);
            ASSERT_TRUE(back.has_value()) << plain;
            if (ascii) {
                ASSERT_EQ(sip::unescape(back->user), to_lower(plain));
            }
            const auto again = jid_from_sip(back->user, back->host);
            ASSERT_TRUE(again.has_value()) << plain;
            ASSERT_EQ(*again, *there) << plain;
        }
        // From the XMPP side.
        if (const auto there = xmpp::Jid::make(plain, "example.com", plain)) {
            ++mapped;
            const auto address = sip_from_jid(*there);
            ASSERT_TRUE(address.has_value()) << plain;
            const auto back = jid_from_sip(address->user, address->host, address->gr);
            ASSERT_TRUE(back.has_value()) << plain << " " << to_uri_text(*address) << " " << back.error().detail;
            ASSERT_EQ(*back, *there) << plain;
        }
    }
    EXPECT_GT(mapped, 13'000);
}

}  // namespace
}  // namespace parley::gateway
