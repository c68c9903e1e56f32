#include "bench/load/stanza_splitter.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace parley::bench {
namespace {

struct Case {
    std::string_view name, bytes;
    std::vector<std::string> stanzas;
    bool header = true, end = false;
};

const Case cases[] = {
    {"header only", "<?xml version='1.0'?><stream:stream to='a'>", {}},
    {"self-closing", "<s><a/><b x='1'/>", {"<a/>", "<b x='1'/>"}},
    {"nested", "<s><m><b>hi</b><c/></m>", {"<m><b>hi</b><c/></m>"}},
    {"whitespace between", "<s> \n<r/> \n", {"<r/>"}},
    {"bracket and slash in quotes", "<s><a x='/>' y=\"it's\"/>", {"<a x='/>' y=\"it's\"/>"}},
    {"slash as value's end", "<s><a x='/'>t</a>", {"<a x='/'>t</a>"}},
    {"cdata", "<s><a><![CDATA[</a>]]]></a>", {"<a><![CDATA[</a>]]]></a>"}},
    {"comment", "<s><a><!-- <b> --></a>", {"<a><!-- <b> --></a>"}},
    {"end of stream", "<s><a/></s>", {"<a/>"}, true, true},
};

TEST(StanzaSplitter, CutsTheSameAtEveryChunkSize) {
    for (const auto& c : cases) {
        for (std::size_t size = 1; size <= c.bytes.size(); ++size) {
            SCOPED_TRACE(std::string(c.name) + " by " + std::to_string(size));
            StanzaSplitter splitter;
            std::vector<std::string> stanzas;
            int headers = 0, ends = 0;
            for (std::size_t at = 0; at < c.bytes.size(); at += size) {
                splitter.feed(c.bytes.substr(at, size), [&](StanzaSplitter::Item item, std::string_view text) {
                    if (item == StanzaSplitter::Item::stanza) stanzas.emplace_back(text);
                    headers += item == StanzaSplitter::Item::header;
                    ends += item == StanzaSplitter::Item::end;
                });
            }
            EXPECT_EQ(stanzas, c.stanzas);
            EXPECT_EQ(headers, c.header);
            EXPECT_EQ(ends, c.end);
        }
    }
}

TEST(StanzaSplitter, StartsANewStreamWhenReset) {
    StanzaSplitter splitter;
    std::vector<std::string> items;
    splitter.feed("<s><success/><s><features/>", [&](StanzaSplitter::Item, std::string_view text) {
        items.emplace_back(text);
        if (text == "<success/>") splitter.reset();
    });
    EXPECT_EQ(items, (std::vector<std::string>{"<s>", "<success/>", "<s>", "<features/>"}));
}

TEST(Element, NamesAttributesAndText) {
    const std::string_view message =
        "<message from='a@b/c'\n to=\"d\"><bodyguard>no</bodyguard><body xml:lang='en'>7 x</body></message>";
    EXPECT_EQ(element_name(message), "message");
    EXPECT_EQ(element_name("<r/>"), "r");
    EXPECT_EQ(attribute(message, "from"), "a@b/c");
    EXPECT_EQ(attribute(message, "to"), "d");
    EXPECT_EQ(attribute(message, "rom"), "");
    EXPECT_EQ(attribute("<a h='3'/>", "h"), "3");
    EXPECT_EQ(child_text(message, "body"), "7 x");
    EXPECT_EQ(child_text(message, "subject"), "");
}

}  // namespace
}  // namespace parley::bench
