#include "gateway/mapping/html_xhtml.hpp"

#include <gtest/gtest.h>

#include "xml/writer.hpp"

namespace parley::gateway {
namespace {

// The inside of the body; "none" when there is no XHTML.
std::string body_of(std::string_view html) {
    const auto root = html_to_xhtml(html);
    if (!root) return "none";
    const auto text = xml::to_string(*root->first_child(), "http://www.w3.org/1999/xhtml");
    const auto begin = text.find('>') + 1;
    return text.substr(begin, text.rfind("</body>") - begin);
}

TEST(HtmlToXhtml, KeepsTheProfileAndNothingElse) {
    struct Case {
        std::string_view html, xhtml;
    };
    for (const auto& c : {
             Case{"Hello", "none"},
             Case{"<div>Hello<br>you</div>", "none"},
             Case{"<b>Bold</b> &amp; <i>slanted</i>", "<strong>Bold</strong> &amp; <em>slanted</em>"},
             Case{"<DIV style=\"font-size: 10pt; position: fixed; color:#ff0000\">x</DIV>",
                  "<p style=\"font-size: 10pt; color: #ff0000\">x</p>"},
             Case{"<font color=red face='Segoe UI' size=7>x</font>",
                  "<span style=\"color: red; font-family: Segoe UI\">x</span>"},
             Case{"<a href=\"https://example.com/?a=1&amp;b\">there</a>",
                  "<a href=\"https://example.com/?a=1&amp;b\">there</a>"},
             Case{"<b><a href=\"javascript:alert(1)\">there</a></b>", "<strong><span>there</span></strong>"},
             Case{"<b onclick='x()'>x</b><script>y()</script><style>z</style>", "<strong>x</strong>"},
             Case{"<b style='background: url(http://spy.example/)'>x</b>", "<strong>x</strong>"},
             Case{"<b style='color: expression(alert(1))'>x</b>", "<strong>x</strong>"},
             Case{"<b>x</b><img src='http://spy.example/1.gif' alt=' a cat'>", "<strong>x</strong> a cat"},
             Case{"<ul><li>one<li>two</ul>", "<ul><li>one</li><li>two</li></ul>"},
             Case{"<b>never <i>closed", "<strong>never <em>closed</em></strong>"},
             Case{"<b>crossed <i>over</b> here</i>", "<strong>crossed <em>over</em></strong> here"},
             Case{"a < b <b>c</b> <b", "a &lt; b <strong>c</strong> &lt;b"},
             Case{"<iframe src=x><u>y</u></iframe>", "<span style=\"text-decoration: underline\">y</span>"},
         }) {
        SCOPED_TRACE(c.html);
        auto got = body_of(c.html);
        for (std::size_t at; (at = got.find('\'')) != std::string::npos;) got[at] = '"';
        EXPECT_EQ(got, c.xhtml);
    }
}

TEST(HtmlToXhtml, IsBounded) {
    std::string deep, wide;
    for (int i = 0; i < 5000; ++i) deep += "<b>";
    for (int i = 0; i < 5000; ++i) wide += "<b>x</b>";
    std::size_t depth = 0;
    const auto root = html_to_xhtml(deep + "x");
    ASSERT_TRUE(root);
    for (const auto* at = &*root; at; at = at->first_child()) ++depth;
    EXPECT_LE(depth, 20u);
    EXPECT_LE(html_to_xhtml(wide)->first_child()->child_count(), 1000u);
}

}  // namespace
}  // namespace parley::gateway
