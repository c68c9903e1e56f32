#include "xml/parser.hpp"

#include <gtest/gtest.h>

#include "xml/writer.hpp"

namespace parley::xml {
namespace {

constexpr std::string_view header =
    "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
    "to='example.com' version='1.0'>";

std::string drain(StreamParser& parser) {
    std::string out;
    while (auto item = parser.next()) {
        if (const auto* h = std::get_if<StreamParser::Header>(&*item))
            out += "[" + h->root.name() + " to=" + std::string(h->root.attribute("to")) + "]";
        else if (const auto* e = std::get_if<Element>(&*item))
            out += to_string(*e, "jabber:client");
        else
            out += "[end]";
    }
    return out;
}

TEST(StreamParser, GivesTheSameItemsHoweverTheBytesAreCut) {
    const std::string all = std::string(header) +
                            " \n<message to='a@b' xml:lang='de'><body>x &amp; y &gt; z</body>"
                            "<x xmlns='urn:x'><y xmlns='urn:y' a='1'/></x></message> <presence/></stream:stream>";
    const std::string expected =
        "[stream to=example.com]<message to='a@b' xml:lang='de'><body>x &amp; y &gt; z</body><x xmlns='urn:x'>"
        "<y xmlns='urn:y' a='1'/></x></message><presence/>[end]";
    for (std::size_t piece = 1; piece <= all.size(); ++piece) {
        StreamParser parser;
        std::string got;
        for (std::size_t at = 0; at < all.size(); at += piece) {
            ASSERT_TRUE(parser.feed(std::string_view(all).substr(at, piece)));
            got += drain(parser);
            if (piece % 7 == 0) parser.release();
        }
        EXPECT_EQ(got, expected) << "in pieces of " << piece;
    }
}

TEST(StreamParser, ReleaseKeepsThePrefixesOfTheRoot) {
    StreamParser parser;
    ASSERT_TRUE(parser.feed("<s:stream xmlns='jabber:server' xmlns:db='jabber:server:dialback' xmlns:s='urn:s'>"));
    drain(parser);
    parser.release();
    ASSERT_TRUE(parser.feed("<db:result>k</db:result>"));
    EXPECT_EQ(drain(parser), "<result xmlns='jabber:server:dialback'>k</result>");
}

TEST(StreamParser, ReleaseKeepsTheNameOfTheRoot) {
    struct Case {
        std::string_view start, end;
    };
    for (const auto& c : {
             Case{"<stream xmlns='urn:s'>", "</stream>"},
             Case{"<s:stream\txmlns:s='urn:s'>", "</s:stream>"},
             Case{"<?xml version='1.0'?>\n<stream:stream xmlns:stream='urn:s'  a='b'>", "</stream:stream >"},
         }) {
        StreamParser parser;
        ASSERT_TRUE(parser.feed(c.start));
        drain(parser);
        parser.release();
        EXPECT_TRUE(parser.feed(c.end)) << c.end;
        EXPECT_EQ(drain(parser), "[end]") << c.end;
    }
}

TEST(StreamParser, ReleaseDoesNothingInTheMiddleOfAStanza) {
    StreamParser parser;
    ASSERT_TRUE(parser.feed(std::string(header) + "<message><body>one "));
    drain(parser);
    parser.release();
    ASSERT_TRUE(parser.feed("two</body></message>"));
    EXPECT_EQ(drain(parser), "<message><body>one two</body></message>");
}

TEST(StreamParser, RefusesWhatRfc6120Section11Forbids) {
    struct Case {
        std::string_view text;
        Errc code;
    };
    for (const auto& c : {
             Case{"<!DOCTYPE x [<!ENTITY a 'b'>]><stream/>", Errc::forbidden},
             Case{"<stream><!-- c --></stream>", Errc::forbidden},
             Case{"<stream><?pi x?></stream>", Errc::forbidden},
             Case{"<stream><a>&unknown;</a>", Errc::malformed},
             Case{"<stream><a></b>", Errc::malformed},
             Case{"<stream>text<a/>", Errc::malformed},
             Case{"<stream><x:a/>", Errc::malformed},
             Case{"<stream><a b='1' b='2'/>", Errc::malformed},
             Case{"<stream><a>\x01</a>", Errc::malformed},
             Case{"<stream><a>\xff\xfe</a>", Errc::malformed},
             Case{"hello>", Errc::malformed},
         }) {
        StreamParser parser;
        const auto fed = parser.feed(c.text);
        ASSERT_FALSE(fed) << c.text;
        EXPECT_EQ(fed.error().code, c.code) << c.text << ": " << fed.error().detail;
        EXPECT_FALSE(parser.feed("<ok/>")) << "nothing is taken after an error";
    }
}

TEST(StreamParser, HoldsItsLimits) {
    ParserLimits limits;
    limits.tag = 100;
    limits.element = 1000;
    limits.depth = 4;
    limits.attributes = 3;
    limits.namespaces = 2;
    const std::string long_text(2000, 'x');
    struct Case {
        std::string text;
        bool fits;
    };
    for (const auto& c : {
             Case{"<a><b><c><d/></c></b></a>", true},
             Case{"<a><b><c><d><e/></d></c></b></a>", false},
             Case{"<a q='1' r='2' s='3'/>", true},
             Case{"<a q='1' r='2' s='3' t='4'/>", false},
             Case{"<a q='" + std::string(60, 'x') + "'/>", true},
             Case{"<a q='" + std::string(160, 'x') + "'/>", false},
             Case{"<a>" + std::string(900, 'x') + "</a>", true},
             Case{"<a>" + long_text + "</a>", false},
             Case{"<a xmlns:p='1' xmlns:q='2'/>", true},
             Case{"<a xmlns:p='1' xmlns:q='2' xmlns:r='3'/>", false},
         }) {
        StreamParser parser(limits);
        ASSERT_TRUE(parser.feed("<stream>"));
        const auto fed = parser.feed(c.text);
        EXPECT_EQ(fed.has_value(), c.fits) << c.text;
        if (!c.fits) {
            EXPECT_EQ(fed.error().code, Errc::too_long) << c.text;
        }
    }
}

// Each feed makes expat scan an unfinished token again: the pieces of one tag are limited, and so is a stanza without
// any '>'.
TEST(StreamParser, AnAttributeSentByteByByteEndsTheStream) {
    StreamParser parser;
    ASSERT_TRUE(parser.feed("<stream><a b='"));
    int taken = 0;
    while (parser.feed(">")) ++taken;
    EXPECT_LT(taken, 100);

    StreamParser endless;
    ASSERT_TRUE(endless.feed("<stream><a>"));
    std::size_t bytes = 0;
    while (endless.feed("0123456789abcdef")) bytes += 16;
    EXPECT_LE(bytes, ParserLimits{}.element + 8192);
}

TEST(StreamParser, ResetDropsWhatWasReadBeyond) {
    StreamParser parser;
    ASSERT_TRUE(parser.feed(std::string(header) + "<starttls xmlns='urn:t'/><presence/>"));
    ASSERT_TRUE(parser.next());
    ASSERT_TRUE(parser.next());
    parser.reset();
    EXPECT_FALSE(parser.next());
    ASSERT_TRUE(parser.feed(header));
    EXPECT_EQ(drain(parser), "[stream to=example.com]");
}

TEST(ParseDocument, TakesADeclarationAndCommentsButNoDoctype) {
    const auto ok = parse_document("<?xml version='1.0' encoding='UTF-8'?><!-- c --><a xmlns='u'><b>1</b></a>\n");
    ASSERT_TRUE(ok);
    EXPECT_EQ(to_string(*ok), "<a xmlns='u'><b>1</b></a>");
    EXPECT_EQ(parse_document("<!DOCTYPE a><a/>").error().code, Errc::forbidden);
    EXPECT_EQ(parse_document("<a>").error().code, Errc::malformed);
    EXPECT_EQ(parse_document("").error().code, Errc::malformed);
    EXPECT_EQ(parse_document("<a/><b/>").error().code, Errc::malformed);
}

TEST(Writer, EscapesAndDeclares) {
    Element e("urn:a", "a");
    e.set("q", "<&'\"\n").set("r", "v", "urn:attr");
    e.add(Element("", "plain")).add_text("x\x01y\r<");
    const auto text = to_string(e, "urn:a");
    EXPECT_EQ(text,
              "<a q='&lt;&amp;&apos;&quot;&#10;' xmlns:p0='urn:attr' p0:r='v'><plain xmlns=''>xy&#13;&lt;</plain></a>");
    const auto back = parse_document("<w xmlns='urn:a'>" + text + "</w>");
    ASSERT_TRUE(back);
    EXPECT_EQ(back->first_child()->attribute("q"), "<&'\"\n");
    EXPECT_EQ(back->first_child()->attribute("r", "urn:attr"), "v");
}

TEST(Writer, WritesOneNamespaceAsAnother) {  // a stanza's own children, on a stream between servers
    const auto body = parse_document(
        "<body xmlns='jabber:client' a='1'>x<b>y</b><c xmlns='urn:c'><d xmlns='jabber:client'/></c></body>");
    ASSERT_TRUE(body);
    std::string out;
    write(out, *body, "jabber:server", "jabber:client");
    EXPECT_EQ(out, "<body a='1'>x<b>y</b><c xmlns='urn:c'><d xmlns='jabber:server'/></c></body>");
}

}  // namespace
}  // namespace parley::xml
