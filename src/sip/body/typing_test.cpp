#include "sip/body/typing.hpp"

#include <gtest/gtest.h>

namespace parley::sip {
namespace {

TEST(KeyboardActivity, BothWays) {
    EXPECT_EQ(encode_keyboard_activity(Typing::active),
              "<?xml version=\"1.0\"?><KeyboardActivity><status status=\"type\"/></KeyboardActivity>");
    struct Case {
        std::string_view body;
        std::optional<Typing> typing;
    };
    for (const auto& c : {
             Case{"<?xml version=\"1.0\"?>\r\n<KeyboardActivity>\r\n<status status=\"type\" />\r\n</KeyboardActivity>",
                  Typing::active},
             Case{"<KeyboardActivity><status status=\"idle\"/></KeyboardActivity>", Typing::idle},
             Case{"<KeyboardActivity xmlns='x'><status status=\"type\"/></KeyboardActivity>", Typing::active},
             Case{"<KeyboardActivity><status status=\"mic\"/></KeyboardActivity>", Typing::idle},
             Case{"<KeyboardActivity/>", {}},
             Case{"<other><status status=\"type\"/></other>", {}},
             Case{"<KeyboardActivity", {}},
             Case{"", {}},
         }) {
        SCOPED_TRACE(c.body);
        const auto typing = decode_keyboard_activity(c.body);
        ASSERT_EQ(typing.has_value(), c.typing.has_value());
        if (typing) {
            EXPECT_EQ(*typing, *c.typing);
        }
    }
}

TEST(IsComposing, BothWays) {
    const auto there = decode_is_composing(encode_is_composing(Typing::active, Seconds{90}));
    ASSERT_TRUE(there);
    EXPECT_EQ(*there, (IsComposing{Typing::active, Seconds{90}, "text/plain"}));
    const auto document = [](std::string_view inside) {
        return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<isComposing "
               "xmlns=\"urn:ietf:params:xml:ns:im-iscomposing\">\n" +
               std::string(inside) + "</isComposing>";
    };
    EXPECT_EQ(decode_is_composing(document("<state> active </state><refresh>5</refresh>"))->refresh, Seconds{60});
    EXPECT_EQ(decode_is_composing(document("<state>active</state><refresh>99999999</refresh>"))->refresh,
              Seconds{3600});
    EXPECT_EQ(decode_is_composing(document("<state>active</state>"))->refresh, Seconds{120});
    EXPECT_EQ(decode_is_composing(document("<state>thinking</state>"))->state, Typing::idle);
    EXPECT_FALSE(decode_is_composing(document("")));
    EXPECT_FALSE(decode_is_composing("<isComposing><state>active</state></isComposing>"));
    EXPECT_FALSE(decode_is_composing(std::string(9000, ' ')));
}

}  // namespace
}  // namespace parley::sip
