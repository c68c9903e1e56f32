#include "xmpp/precis.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace parley::xmpp {
namespace {

struct Case {
    std::string why;
    std::string text;
    std::string prepared = {};  // empty: refused
};

using Prepare = Result<std::string> (*)(std::string_view);

void check(Prepare prepare, const std::vector<Case>& cases) {
    for (const auto& c : cases) {
        SCOPED_TRACE(c.why + ": " + c.text);
        const auto prepared = prepare(c.text);
        ASSERT_EQ(prepared.has_value(), !c.prepared.empty());
        if (!prepared) continue;
        EXPECT_EQ(*prepared, c.prepared);
        const auto again = prepare(*prepared);
        EXPECT_TRUE(again && *again == *prepared) << "what is prepared stays as it is";
    }
}

TEST(Localpart, IsAUsernameCaseMapped) {
    check(prepare_localpart,
          {
              {"RFC 7622 3.5 (1)", "juliet", "juliet"},
              {"RFC 7622 3.5 (5): an escaped space", "foo\\20bar", "foo\\20bar"},
              {"RFC 7622 3.5 (6)", "fussball", "fussball"},
              {"RFC 7622 3.5 (7): sharp s is a letter of its own", "fu\u00DFball", "fu\u00DFball"},
              {"RFC 7622 3.5 (8)", "\u03C0", "\u03C0"},
              {"RFC 7622 3.5 (9): capital sigma", "\u03A3", "\u03C3"},
              {"RFC 7622 3.5 (10): small sigma", "\u03C3", "\u03C3"},
              {"RFC 7622 3.5 (11): a final sigma stays one", "\u03C2", "\u03C2"},
              {"RFC 7622 3.5 (16): quotation marks", "\"juliet\""},
              {"RFC 7622 3.5 (17): space", "foo bar"},
              {"RFC 7622 3.5 (19): nothing", ""},
              {"RFC 7622 3.5 (20): ROMAN NUMERAL FOUR", "henry\u2163"},
              {"RFC 7622 3.5 (21): BLACK CHESS KING", "\u265A"},
              {"RFC 8265 3.5: a capital sigma at the end becomes a plain one", "\u039F\u03A3", "\u03BF\u03C3"},
              {"ASCII is folded", "JuLiet", "juliet"},
              {"ASCII symbols", "!#$%()*+,-.;=?[]^_`{|}~", "!#$%()*+,-.;=?[]^_`{|}~"},
              {"excluded: ampersand", "a&b"},
              {"excluded: apostrophe", "a'b"},
              {"excluded: slash", "a/b"},
              {"excluded: colon", "a:b"},
              {"excluded: less than", "a<b"},
              {"excluded: greater than", "a>b"},
              {"excluded: at", "a@b"},
              {"excluded also when it comes from a fullwidth form", "a\uFF20b"},
              {"control character", "a\x07"},
              {"delete", "a\x7F"},
              {"NUL", std::string("a\0b", 3)},
              {"not UTF-8", "\xC3"},
              {"a surrogate in UTF-8", "\xED\xA0\x80"},
              {"width: fullwidth letters", "\uFF2A\uFF55\uFF4C", "jul"},
              {"width: halfwidth katakana", "\uFF76", "\u30AB"},
              {"NFC: composed", "e\u0301", "\u00E9"},
              {"case: I with dot above keeps its dot", "\u0130", "i\u0307"},
              {"case: capital sharp s", "\u1E9E", "\u00DF"},
              {"a compatibility letter", "\uFB01"},
              {"a zero width space", "a\u200B"},
              {"a right-to-left override", "a\u202E"},
              {"a private use code point", "\uE000"},
              {"an unassigned code point", "\u0378"},
              {"a noncharacter", "\uFDD0"},
              {"old Hangul", "\u1100"},
              {"Hangul", "\uD55C\uAD6D", "\uD55C\uAD6D"},
              {"Japanese", "\u592A\u90CE", "\u592A\u90CE"},
              {"middle dot between l", "l\u00B7l", "l\u00B7l"},
              {"middle dot elsewhere", "a\u00B7l"},
              {"katakana middle dot beside katakana", "\u30AB\u30FB\u30AB", "\u30AB\u30FB\u30AB"},
              {"katakana middle dot alone", "a\u30FBb"},
              {"Greek keraia before Greek", "\u0375\u03B1", "\u0375\u03B1"},
              {"Greek keraia before Latin", "\u0375a"},
              {"Hebrew geresh after Hebrew", "\u05D0\u05F3", "\u05D0\u05F3"},
              {"Hebrew geresh first", "\u05F3\u05D0"},
              {"joiner after a virama", "\u0915\u094D\u200D\u0937", "\u0915\u094D\u200D\u0937"},
              {"joiner without one", "\u0915\u200D\u0937"},
              {"non-joiner between Arabic letters that join", "\u0628\u200C\u0628", "\u0628\u200C\u0628"},
              {"non-joiner at the end", "\u0628\u200C"},
              {"non-joiner between Latin letters", "a\u200Cb"},
              {"bidi: Hebrew", "\u05D0\u05D1", "\u05D0\u05D1"},
              {"bidi: Hebrew with a European number at its end", "\u05D0\u05D11", "\u05D0\u05D11"},
              {"bidi: a number before Hebrew", "1\u05D0"},
              {"bidi: Latin then Hebrew", "a\u05D0"},
              {"bidi: Hebrew then Latin", "\u05D0a"},
              {"bidi: Hebrew ending in a hyphen", "\u05D0-"},
              {"bidi: both kinds of digits", "\u0627\u06601"},
              {"Arabic-Indic digits of both rows", "\u0627\u0660\u06F0"},
              {"the longest", std::string(1023, 'a'), std::string(1023, 'a')},
              {"one too long", std::string(1024, 'a')},
          });
}

TEST(Localpart, OverTheLimitIsTooLong) {
    EXPECT_EQ(prepare_localpart(std::string(1024, 'a')).error().code, Errc::too_long);
    EXPECT_EQ(prepare_localpart(std::string(1'000'000, 'a')).error().code, Errc::too_long);
    std::string wide;
    for (int i = 0; i < 1023; ++i) wide += "\uFF41";
    EXPECT_EQ(*prepare_localpart(wide), std::string(1023, 'a'));  // 3069 octets that become 1023
}

TEST(Resourcepart, IsAnOpaqueString) {
    check(prepare_resourcepart, {
                                    {"RFC 7622 3.5 (2)", "foo", "foo"},
                                    {"RFC 7622 3.5 (3)", "foo bar", "foo bar"},
                                    {"RFC 7622 3.5 (4)", "foo@bar", "foo@bar"},
                                    {"RFC 7622 3.5 (12): BLACK CHESS KING", "\u265A", "\u265A"},
                                    {"RFC 7622 erratum 4560: a space in front is allowed", " foo", " foo"},
                                    {"RFC 7622 3.5 (19): nothing", ""},
                                    {"case is kept", "Balcony", "Balcony"},
                                    {"a slash", "a/b", "a/b"},
                                    {"fullwidth stays", "\uFF2A", "\uFF2A"},
                                    {"non-ASCII spaces become a space", "a\u3000b", "a b"},
                                    {"NFC", "e\u0301", "\u00E9"},
                                    {"writing directions may mix", "a\u05D0 1", "a\u05D0 1"},
                                    {"tab", "a\tb"},
                                    {"a zero width space", "a\u200B"},
                                    {"not UTF-8", "\xFF"},
                                    {"one too long", std::string(1024, 'a')},
                                });
}

TEST(Password, IsAnOpaqueString) {  // RFC 8265 4.3
    check(prepare_password, {
                                {"(1)", "correct horse battery staple", "correct horse battery staple"},
                                {"(2): case is kept", "Correct Horse Battery Staple", "Correct Horse Battery Staple"},
                                {"(3)", "\u03C0\u00DF\u00E5", "\u03C0\u00DF\u00E5"},
                                {"(4): a symbol", "Jack of \u2666s", "Jack of \u2666s"},
                                {"(5): OGHAM SPACE MARK", "foo\u1680bar", "foo bar"},
                                {"(6): nothing", ""},
                                {"(7): a control character", "my cat is a \tby"},
                            });
}

TEST(Domainpart, IsANameOrAnAddress) {
    const std::string label(63, 'a');
    check(prepare_domainpart, {
                                  {"RFC 7622 3.5 (13)", "example.com", "example.com"},
                                  {"one label", "localhost", "localhost"},
                                  {"case", "Example.COM", "example.com"},
                                  {"the dot of the root is dropped", "example.com.", "example.com"},
                                  {"only one of them", "example.com.."},
                                  {"only the root", "."},
                                  {"nothing", ""},
                                  {"an empty label", "a..b"},
                                  {"a dot in front", ".a"},
                                  {"an underscore", "a_b.example"},
                                  {"a space", "a b"},
                                  {"hyphen in front", "-a.example"},
                                  {"hyphen behind", "a-.example"},
                                  {"hyphens inside", "a--b.example", "a--b.example"},
                                  {"reserved hyphens", "ab--c.example"},
                                  {"the longest label", label + ".example", label + ".example"},
                                  {"one too long", label + "a.example"},
                                  {"U-label", "b\u00FCcher.example", "b\u00FCcher.example"},
                                  {"U-label in capitals", "B\u00DCCHER.example", "b\u00FCcher.example"},
                                  {"A-label", "xn--bcher-kva.example", "b\u00FCcher.example"},
                                  {"A-label in capitals", "XN--BCHER-KVA.example", "b\u00FCcher.example"},
                                  {"sharp s is kept by IDNA2008", "fu\u00DFball.example", "fu\u00DFball.example"},
                                  {"an A-label that decodes to ASCII", "xn--abc-.example"},
                                  {"an A-label of nothing", "xn--.example"},
                                  {"an A-label that is no Punycode", "xn--\x21.example"},
                                  {"an A-label of Cherokee capitals, which our mapping changes", "xn--bbell.example"},
                                  {"NFC", "bu\u0308cher.example", "b\u00FCcher.example"},
                                  {"fullwidth", "\uFF45xample.com", "example.com"},
                                  {"ideographic full stop", "\u4F8B\u3002jp", "\u4F8B.jp"},
                                  {"a symbol", "\u265A.example"},
                                  {"bidi", "a\u05D0.example"},
                                  {"not UTF-8", "\xFF.example"},
                                  {"NUL", std::string("a\0b", 3)},
                                  {"NUL beside a U-label", std::string("\u00FC\0b", 4)},
                                  {"IPv4", "192.0.2.1", "192.0.2.1"},
                                  {"not quite IPv4", "192.0.2.256"},
                                  {"a short IPv4", "127.1"},
                                  {"digits in a name", "1.2.3.4.in-addr", "1.2.3.4.in-addr"},
                                  {"IPv6", "[2001:DB8::1]", "[2001:db8::1]"},
                                  {"IPv6 in full", "[2001:db8:0:0:0:0:0:1]", "[2001:db8::1]"},
                                  {"IPv6 with IPv4", "[::ffff:192.0.2.1]", "[::ffff:192.0.2.1]"},
                                  {"IPv6 without its bracket", "[2001:db8::1"},
                                  {"IPv6 with a zone", "[fe80::1%eth0]"},
                                  {"a bracket alone", "["},
                                  {"empty brackets", "[]"},
                                  {"IPv6 without brackets", "2001:db8::1"},
                              });
}

}  // namespace
}  // namespace parley::xmpp
