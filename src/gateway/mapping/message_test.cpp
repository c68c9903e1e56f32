#include "gateway/mapping/message.hpp"

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "gateway/mapping/html_text.hpp"
#include "gateway/mapping/text.hpp"
#include "xmpp/ns.hpp"

namespace parley::gateway {
namespace {

namespace ns = xmpp::ns;
const Profile& simple = *find_profile("simple");
const Profile& ocs = *find_profile("ocs");

xmpp::Stanza message(std::string_view body, std::string_view type = "chat") {
    xmpp::Stanza stanza;
    stanza.type = type;
    if (!body.empty()) stanza.add(xml::Element(ns::client, "body").with_text(body));
    return stanza;
}

xmpp::Stanza with(xmpp::Stanza stanza, std::string_view ns, std::string_view name, std::string_view text = {}) {
    xml::Element element(ns, name);
    if (!text.empty()) element.add_text(text);
    stanza.add(std::move(element));
    return stanza;
}

// A name for what became of a message, with the text where there is one.
std::string outcome(const ToSip& result) {
    if (const auto* text = std::get_if<SipText>(&result)) return "text: " + text->body;
    if (const auto* typing = std::get_if<Typing>(&result)) return *typing == Typing::active ? "typing" : "idle";
    if (std::holds_alternative<EndSession>(result)) return "end";
    if (std::holds_alternative<Nothing>(result)) return "nothing";
    return "error: " + std::get<xmpp::StanzaError>(result).condition;
}

std::string outcome(const FromSip& result) {
    if (const auto* text = std::get_if<XmppText>(&result)) return text->text;
    return std::to_string(std::get<SipRefusal>(result).status);
}

TEST(ToSip, WhatEachMessageBecomes) {
    struct Case {
        std::string name;
        xmpp::Stanza stanza;
        std::string pager, session;
    };
    auto invitation = message("Join us");
    invitation.add(xml::Element("http://jabber.org/protocol/muc#user", "x"))
        .add(xml::Element("http://jabber.org/protocol/muc#user", "invite"));
    auto attachment = message("");
    attachment.add(xml::Element("jabber:x:oob", "x"))
        .add(xml::Element("jabber:x:oob", "url").with_text("https://example.com/a.png"));
    auto two = message("");
    two.lang = "ja";
    two.add(xml::Element(ns::client, "body").with_text("Hello")).set("lang", "en", ns::xml);
    two.add(xml::Element(ns::client, "body").with_text("Konnichiwa")).set("lang", "ja", ns::xml);
    for (const auto& c : {
             Case{"chat", message("Hi"), "text: Hi", "text: Hi"},
             Case{"normal", message("Hi", ""), "text: Hi", "text: Hi"},
             Case{"headline", message("News", "headline"), "text: News", "text: News"},
             Case{"with a chat state", with(message("Hi"), ns::chat_states, "active"), "text: Hi", "text: Hi"},
             Case{"body in the stanza's language", two, "text: Konnichiwa", "text: Konnichiwa"},
             Case{"composing", with(message(""), ns::chat_states, "composing"), "typing", "typing"},
             Case{"paused", with(message(""), ns::chat_states, "paused"), "idle", "idle"},
             Case{"active", with(message(""), ns::chat_states, "active"), "idle", "idle"},
             Case{"inactive", with(message(""), ns::chat_states, "inactive"), "idle", "idle"},
             Case{"gone", with(message(""), ns::chat_states, "gone"), "end", "end"},
             Case{"receipt", with(message(""), ns::receipts, "received"), "nothing", "nothing"},
             Case{"reaction", with(message(""), "urn:xmpp:reactions:0", "reactions"), "nothing", "nothing"},
             Case{"subject alone", with(message(""), ns::client, "subject", "S"), "nothing", "nothing"},
             Case{"correction", with(message("Hello"), "urn:xmpp:message-correct:0", "replace"), "text: * Hello",
                  "text: * Hello"},
             Case{"attachment", attachment, "text: https://example.com/a.png", "text: https://example.com/a.png"},
             Case{"error", message("Hi", "error"), "nothing", "nothing"},
             Case{"group chat", message("Hi", "groupchat"), "error: not-acceptable", "error: not-acceptable"},
             Case{"mediated invitation", invitation, "error: not-acceptable", "error: not-acceptable"},
             Case{"direct invitation", with(message(""), "jabber:x:conference", "x"), "error: not-acceptable",
                  "error: not-acceptable"},
             Case{"encrypted", with(message(""), "eu.siacs.conversations.axolotl", "encrypted"),
                  "error: not-acceptable", "error: not-acceptable"},
             Case{"encrypted with a hint", with(message("[secret]"), "eu.siacs.conversations.axolotl", "encrypted"),
                  "text: [secret]", "text: [secret]"},
         }) {
        SCOPED_TRACE(c.name);
        EXPECT_EQ(outcome(to_sip(c.stanza, simple)), c.pager);
        EXPECT_EQ(outcome(to_sip(c.stanza, ocs)), c.session);
    }
}

TEST(ToSip, LimitsDependOnTheDialect) {
    struct Case {
        std::size_t size;
        bool pager, session;
    };
    for (const auto& c :
         {Case{1300, true, true}, Case{1301, false, true}, Case{8192, false, true}, Case{8193, false, false}}) {
        SCOPED_TRACE(c.size);
        const auto stanza = message(std::string(c.size, 'x'));
        EXPECT_EQ(std::holds_alternative<SipText>(to_sip(stanza, simple)), c.pager);
        EXPECT_EQ(std::holds_alternative<SipText>(to_sip(stanza, ocs)), c.session);
        if (!c.pager) {
            EXPECT_EQ(outcome(to_sip(stanza, simple)), "error: policy-violation");
        }
    }
}

TEST(ToSip, CarriesSubjectLanguageAndThread) {
    auto stanza = with(with(message("Hi"), ns::client, "subject", " Two\r\nlines "), ns::client, "thread", "t1");
    stanza.lang = "de";
    const auto text = std::get<SipText>(to_sip(stanza, simple));
    EXPECT_EQ(text, (SipText{"text/plain;charset=UTF-8", "Hi", "Two  lines", "de", "t1"}));
    stanza.lang = "de\r\nX: y";
    EXPECT_EQ(std::get<SipText>(to_sip(stanza, simple)).language, "");
}

TEST(FromSip, BodiesByTheirType) {
    const std::string cpim =
        "From: <im:a@example.com>\r\nTo: <im:b@example.com>\r\nDateTime: 2026-01-01T00:00:00Z\r\nSubject: Tea\r\n\r\n";
    const std::string multipart =
        "preamble\r\n--b1\r\nContent-Type: text/html\r\n\r\n<b>Hi</b>\r\n--b1\r\nContent-Type: text/plain; "
        "charset=UTF-8\r\n\r\nHi "
        "plain\r\n--b1--\r\nepilogue";
    struct Case {
        std::string type, body, text;
    };
    for (const auto& c : {
             Case{"text/plain", "Hi", "Hi"},
             Case{"", "Hi", "Hi"},
             Case{"text/plain; charset=UTF-8;msgr=WAAtAE0ATQBTAC0A", "caf\xc3\xa9", "caf\xc3\xa9"},
             Case{"TEXT/Plain; charset=\"utf-8\"", "a\r\nb\rc\n", "a\nb\nc\n"},
             Case{"text/plain; charset=ISO-8859-1", "caf\xe9", "caf\xc3\xa9"},
             Case{"text/plain; charset=utf-16", "Hi", "415"},
             Case{"text/plain", std::string("a\0b\x01\x1b[0m\xff", 9),
                  "a\xef\xbf\xbd"
                  "b\xef\xbf\xbd\xef\xbf\xbd[0m\xef\xbf\xbd"},
             Case{"text/plain", "\xc2\x85\xef\xbf\xbe\xed\xa0\x80",
                  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
             Case{"text/plain", "", ""},
             Case{"text/html", "<p>Hi <b>you</b></p>", "Hi you"},
             Case{"text/html", "<b>a&#1;b</b>",
                  "a\xef\xbf\xbd"
                  "b"},
             Case{"message/cpim", cpim + "Content-Type: text/plain; charset=utf-8\r\n\r\nHi there", "Hi there"},
             Case{"Message/CPIM", cpim + "Content-type: text/html\r\nContent-ID: <1@x>\r\n\r\n<i>Hi</i>", "Hi"},
             Case{"message/cpim", cpim + "\r\nHi", "Hi"},  // MIME's own default
             Case{"message/cpim", std::string(cpim).append("Content-Type: message/cpim\r\n\r\n").append(cpim), "415"},
             Case{"message/cpim", "Hi", "400"},
             Case{"message/cpim", cpim, "400"},
             Case{"multipart/alternative; boundary=b1", multipart, "Hi plain"},
             Case{"multipart/alternative; boundary=\"b1\"",
                  "--b1\r\nContent-Type: text/html\r\n\r\n<b>Hi</b>\r\n--b1--", "Hi"},
             Case{"multipart/alternative; boundary=b1",
                  "--b1\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nSGVs\r\nbG8=\r\n--b1--",
                  "Hello"},
             Case{"multipart/alternative; boundary=b1", "--b1\r\nContent-Type: text/rtf\r\n\r\n{}\r\n--b1--", "415"},
             Case{"multipart/alternative; boundary=b1", "nothing", "415"},
             Case{"multipart/alternative", multipart, "400"},
             Case{"multipart/mixed; boundary=b1", multipart, "415"},
             Case{"text/rtf", "{\\rtf1}", "415"},
             Case{"text/x-msmsgsinvite", "Application-Name: File Transfer", "415"},
             Case{"application/im-iscomposing+xml", "<isComposing/>", "415"},
             Case{"text", "Hi", "400"},
             Case{"text/plain; charset", "Hi", "Hi"},
             Case{"text/plain", std::string(1301, 'x'), "513"},
         }) {
        SCOPED_TRACE(c.type + ": " + c.body.substr(0, 60));
        EXPECT_EQ(outcome(text_of_body(c.type, c.body, pager_limit)), c.text);
    }
}

TEST(FromSip, OfARequest) {
    auto request = sip::Message::request("MESSAGE", "sip:u1@example.com");
    request.add(sip::HeaderId::subject, "Tea?");
    request.add("Content-Language", "ja, en");
    request.set_body("text/plain", "Hi");
    EXPECT_EQ(std::get<XmppText>(from_sip(request, simple, false)), (XmppText{"Hi", "Tea?", "ja"}));
    request.set_body("text/plain", std::string(1301, 'x'));
    EXPECT_EQ(outcome(from_sip(request, simple, false)), "513");
    EXPECT_EQ(outcome(from_sip(request, simple, true)).size(), 1301u);
    request.add(sip::HeaderId::content_encoding, "gzip");
    EXPECT_EQ(outcome(from_sip(request, simple, true)), "415");
}

TEST(FromSip, TheFirstMessageInAnInvite) {
    struct Case {
        std::string value, text;
    };
    for (const auto& c : {
             Case{"text/plain; charset=UTF-8;msgr=WAAtAE0ATQBTAC0A;ms-body=SGk=", "Hi"},
             Case{"text/plain; charset=UTF-8; ms-body=Y2Fmw6k=", "caf\xc3\xa9"},
             Case{"text/html; charset=UTF-8;ms-body=PGI+SGk8L2I+", "Hi"},
             Case{"text/plain; charset=UTF-8", ""},
             Case{"text/plain; charset=UTF-8;ms-body=S", "400"},
             Case{"text/plain; charset=UTF-8;ms-body=////", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
             Case{"text/x-msmsgsinvite; charset=UTF-8;ms-body=SGk=", "415"},
             Case{"text/rtf;ms-body=SGk=", "415"},
             Case{"", "400"},
             Case{"text/plain;ms-body=" + std::string(20'000, 'A'), "513"},
         }) {
        SCOPED_TRACE(c.value.substr(0, 80));
        EXPECT_EQ(outcome(from_ms_text_format(c.value, ocs)), c.text);
    }
}

TEST(ToStanza, PagerAndSession) {
    const auto pager = to_stanza({"Hi", "S", "de"}, false, "call-1");
    EXPECT_EQ(pager.type, "");
    EXPECT_EQ(pager.lang, "de");
    EXPECT_EQ(pager.text_of("body"), "Hi");
    EXPECT_EQ(pager.text_of("subject"), "S");
    EXPECT_EQ(pager.text_of("thread"), "call-1");
    const auto session = to_stanza({"Hi", "", ""}, true);
    EXPECT_EQ(session.type, "chat");
    EXPECT_TRUE(session.child(ns::chat_states, "active"));
    EXPECT_FALSE(session.child(ns::client, "subject"));
}

TEST(TypingStanza, ByDialect) {
    const auto state = [](const xmpp::Stanza& stanza) { return stanza.children.at(0).name(); };
    EXPECT_EQ(state(typing_stanza(Typing::active, TypingDialect::iscomposing)), "composing");
    EXPECT_EQ(state(typing_stanza(Typing::idle, TypingDialect::iscomposing)), "active");
    EXPECT_EQ(state(typing_stanza(Typing::active, TypingDialect::keyboard_activity)), "composing");
    EXPECT_EQ(state(typing_stanza(Typing::idle, TypingDialect::keyboard_activity)), "paused");
    EXPECT_EQ(state(gone_stanza()), "gone");
    EXPECT_EQ(gone_stanza().type, "chat");
}

TEST(HtmlText, WhatAPersonReads) {
    struct Case {
        std::string html, text;
    };
    for (const auto& c : {
             Case{"plain", "plain"},
             Case{"a < b and b > a & c", "a < b and b > a & c"},
             Case{"<div style=\"font-family:'Segoe UI'\">Hello&nbsp;you</div>", "Hello you"},
             Case{"<p>one</p><p>two</p>", "one\ntwo"},
             Case{"one<br>two<BR/>three", "one\ntwo\nthree"},
             Case{"  lots \n of\t space  ", "lots of space"},
             Case{"<pre>a  b\n c</pre>", "a  b\n c"},
             Case{"<ul><li>x</li><li>y</li></ul>", "- x\n- y"},
             Case{"<table><tr><td>1</td><td>2</td></tr></table>", "1 2"},
             Case{"<script>alert('<b>')</script>ok", "ok"},
             Case{"<STYLE>p{}</STYLE >ok", "ok"},
             Case{"<html><head><title>T</title></head><body>ok</body></html>", "ok"},
             Case{"a<!-- <b> -->b", "ab"},
             Case{"<!DOCTYPE html>ok<?x?>", "ok"},
             Case{"<a href=\"https://example.com/?a=1&amp;b=2\">here</a>", "here (https://example.com/?a=1&b=2)"},
             Case{"<a href='https://example.com/'>https://example.com/</a>", "https://example.com/"},
             Case{"<a href='javascript:x()'>here</a>", "here"},
             Case{"<img src=x alt='a smile'> :)", "a smile :)"},
             Case{"&lt;b&gt; &#65;&#x42; &unknown; &#xD800; &amp", "<b> AB &unknown; \xef\xbf\xbd &amp"},
             Case{"<b title='a>b'>x</b>", "x"},
             Case{"<b title='unfinished>x", "<b title='unfinished>x"},
             Case{"", ""},
             Case{"<", "<"},
             Case{"</", "</"},
             Case{"<>", "<>"},
             Case{"<!--", ""},
             Case{"<script>", ""},
         }) {
        SCOPED_TRACE(c.html);
        EXPECT_EQ(html_to_text(c.html), c.text);
    }
}

// Each of these is quadratic or deep in a careless converter.
TEST(HtmlText, HostileInputIsLinear) {
    for (const std::string_view piece :
         {"<", "<b", "<b ", "<b '", "<!--", "&", "&#", "<a href=x>", "<div>", "<script>", "</a>", "<li>"}) {
        SCOPED_TRACE(piece);
        std::string html;
        while (html.size() < 64 * 1024) html += piece;
        EXPECT_LE(html_to_text(html).size(), 3 * html.size());
    }
}

TEST(Clip, CutsBetweenCharacters) {
    EXPECT_EQ(clip("abc", 3), "abc");
    EXPECT_EQ(clip("abc", 2), "ab");
    EXPECT_EQ(clip("a\xc3\xa9", 2), "a");
    EXPECT_EQ(clip("\xf0\x9f\x98\x80", 3), "");
}

}  // namespace
}  // namespace parley::gateway
