#include "sip/body/sdp.hpp"

#include <gtest/gtest.h>

namespace parley::sip {
namespace {

constexpr std::string_view head =
    "v=0\r\no=- 0 0 IN IP4 10.78.251.56\r\ns=session\r\nc=IN IP4 10.78.251.56\r\nt=0 0\r\n";

TEST(Sdp, ReadsTheThreeForms) {
    struct Case {
        std::string_view media;
        bool ours;
        std::string_view word = {};
        Errc error = Errc::not_found;
    };
    const auto with_nul = std::string("m=audio 4000 ") + '\0' + " 0\r\n";
    for (const auto& c : {
             Case{"m=message 5060 sip null\r\n", true, "message"},
             Case{"m=message 5060 sip sip:alice@contoso.com\r\n", true, "message"},
             Case{"m=x-ms-message 5060 sip null\r\n", true, "x-ms-message"},
             Case{"m=audio 4000 RTP/AVP 0\r\nm=message 5060 SIP null\n", true, "message"},
             Case{"m=audio 4000 RTP/AVP 0\r\n", false},
             Case{"m=message 2855 TCP/MSRP *\r\n", false},
             Case{"m=message 0 sip null\r\n", false},
             Case{"", false},
             Case{"m=message\r\n", false, {}, Errc::malformed},
             Case{"nonsense\r\n", false, {}, Errc::malformed},
             Case{"m=audio 4000 \r \r\nm=message 5060 sip null\r\n", false, {}, Errc::malformed},
             Case{with_nul, false, {}, Errc::malformed},
         }) {
        SCOPED_TRACE(c.media);
        const auto offer = parse_im_offer(std::string(head).append(c.media));
        ASSERT_EQ(offer.has_value(), c.ours);
        if (offer)
            EXPECT_EQ(offer->media, c.word);
        else
            EXPECT_EQ(offer.error().code, c.error);
    }
    EXPECT_FALSE(parse_im_offer(""));
    EXPECT_FALSE(parse_im_offer("s=x\r\n"));
}

TEST(Sdp, Accepts) {
    auto offer = parse_im_offer(std::string(head) +
                                "m=message 5060 sip null\r\n"
                                "a=accept-types:text/plain Text/HTML application/im-iscomposing+xml\r\n");
    ASSERT_TRUE(offer);
    EXPECT_TRUE(offer->accepts("text/html"));
    EXPECT_FALSE(offer->accepts("text/rtf"));
    offer->accept_types.clear();
    EXPECT_TRUE(offer->accepts("text/plain"));
    EXPECT_FALSE(offer->accepts("text/html"));
}

TEST(Sdp, Answers) {
    const auto offer = parse_im_offer(std::string(head) +
                                      "m=audio 4000 RTP/AVP 0 12\r\nm=x-ms-message 5060 sip null\r\n"
                                      "m=video 4002 RTP/AVP 31\r\n");
    ASSERT_TRUE(offer);
    EXPECT_EQ(build_im_answer(*offer, "sip.cup.example.com", "sip:u1@cup.example.com", {"text/plain", "text/html"}),
              "v=0\r\no=- 0 0 IN IP4 sip.cup.example.com\r\ns=session\r\nc=IN IP4 sip.cup.example.com\r\nt=0 0\r\n"
              "m=audio 0 RTP/AVP 0 12\r\n"
              "m=x-ms-message 5060 sip sip:u1@cup.example.com\r\n"
              "a=accept-types:text/plain text/html\r\n"
              "m=video 0 RTP/AVP 31\r\n");
    const auto own = parse_im_offer(build_im_offer("sip.cup.example.com", {"text/plain"}));
    ASSERT_TRUE(own);
    EXPECT_TRUE(own->accepts("text/plain"));
}

}  // namespace
}  // namespace parley::sip
