#include "im/message_rules.hpp"

#include <gtest/gtest.h>

#include "xmpp/ns.hpp"

namespace parley::im {
namespace {

using xml::Element;
namespace ns = xmpp::ns;

xmpp::Stanza message(std::string_view type, std::vector<Element> children) {
    xmpp::Stanza stanza;
    stanza.from = *xmpp::Jid::parse("juliet@example.com/balcony");
    stanza.to = *xmpp::Jid::parse("romeo@example.net");
    stanza.type = type;
    stanza.children = std::move(children);
    return stanza;
}

Element muc_x(std::string_view child = {}) {
    Element x("http://jabber.org/protocol/muc#user", "x");
    if (!child.empty()) x.add(Element("http://jabber.org/protocol/muc#user", child));
    return x;
}

TEST(MessageRules, WhatIsStoredAndWhatIsCopied) {
    const Element body = Element(ns::client, "body").with_text("Hi");
    const Element composing(ns::chat_states, "composing");
    const Element receipt(ns::receipts, "received");
    const auto hint = [](std::string_view name) { return Element(ns::hints, name); };
    const auto carbon = [](std::string_view name) { return Element(ns::carbons, name); };
    struct Case {
        std::string_view why, type;
        std::vector<Element> children;
        bool stored, copied;
    };
    for (const auto& c : {
             Case{"text", "chat", {body}, true, true},
             Case{"text without a type", "", {body}, true, true},
             Case{"text, normal", "normal", {body}, true, true},
             Case{"RFC 6121 5.2.2: an unknown type is normal", "shout", {body}, true, true},
             Case{"text with a chat state", "chat", {body, composing}, true, true},
             Case{"text in the namespace of s2s", "chat", {Element(ns::server, "body").with_text("Hi")}, true, true},
             Case{"a body of another namespace", "normal", {Element("urn:x", "body")}, false, false},
             Case{"subject only", "normal", {Element(ns::client, "subject").with_text("Hi")}, true, false},
             Case{"XEP-0160: groupchat", "groupchat", {body}, false, false},
             Case{"XEP-0160: headline", "headline", {body}, false, false},
             Case{"XEP-0160: error", "error", {body}, false, false},
             Case{"XEP-0160: a chat state alone", "chat", {composing}, false, true},
             Case{"a chat state alone, normal", "normal", {composing}, false, true},
             Case{"nothing", "chat", {}, false, true},
             Case{"nothing, normal", "normal", {}, false, false},
             Case{"XEP-0184: a receipt", "chat", {receipt}, true, true},
             Case{"a receipt, normal", "normal", {receipt}, true, true},
             Case{"XEP-0334: no-store", "chat", {body, hint("no-store")}, false, true},
             Case{"XEP-0334: no-permanent-store is about archives",
                  "chat",
                  {body, hint("no-permanent-store")},
                  true,
                  true},
             Case{"XEP-0334: store without text", "normal", {hint("store")}, true, false},
             Case{"XEP-0334: store does not help a headline", "headline", {hint("store")}, false, false},
             Case{"XEP-0334: no-store wins", "chat", {hint("store"), hint("no-store")}, false, true},
             Case{"XEP-0334: no-copy", "chat", {body, hint("no-copy")}, true, false},
             Case{"XEP-0280: private", "chat", {body, carbon("private")}, true, false},
             Case{"XEP-0280: a copy is not copied", "chat", {carbon("received")}, false, false},
             Case{"XEP-0280: nor a sent one", "chat", {carbon("sent")}, false, false},
             Case{"a room occupant's private message", "chat", {body, muc_x()}, true, false},
             Case{"XEP-0045: an invitation", "normal", {muc_x("invite")}, true, true},
             Case{"XEP-0249: an invitation", "normal", {Element("jabber:x:conference", "x")}, true, true},
         }) {
        SCOPED_TRACE(c.why);
        const auto stanza = message(c.type, c.children);
        EXPECT_EQ(is_stored_offline(stanza), c.stored);
        EXPECT_EQ(is_carbon_copied(stanza), c.copied);
    }
}

TEST(MessageRules, TheSendersOtherResourcesGetACopy) {
    using Names = std::vector<std::string>;
    const std::vector<ResourceState> resources{
        {"balcony", true, 0, true}, {"chamber", true, 0, true}, {"crypt", true, 0, false}, {"garden", true, -1, true}};
    auto stanza = message("chat", {Element(ns::client, "body").with_text("Hi")});
    EXPECT_EQ(sent_copies(stanza, resources), (Names{"chamber", "garden"}));
    auto to_self = stanza;
    to_self.to = stanza.from.bare();
    EXPECT_EQ(sent_copies(to_self, resources), Names{});
    stanza.add(Element(ns::carbons, "private"));
    stanza.add(Element(ns::hints, "no-copy"));
    EXPECT_EQ(sent_copies(stanza, resources), Names{});
    remove_copy_hints(stanza);
    EXPECT_EQ(stanza.children.size(), 1U);
}

}  // namespace
}  // namespace parley::im
