#include "sip/message.hpp"

#include <gtest/gtest.h>

namespace parley::sip {
namespace {

TEST(Message, BuildsAndSerialises) {
    auto message = Message::request("MESSAGE", "sip:bob@example.net");
    message.add(HeaderId::to, "<sip:bob@example.net>");
    message.add("X-Own", "kept");
    message.add_first(HeaderId::via, "SIP/2.0/TLS a;branch=z9hG4bK1");
    message.set_body("text/plain", "hi");
    message.set(HeaderId::to, message.header(HeaderId::to));  // a view of itself
    EXPECT_EQ(message.serialise(),
              "MESSAGE sip:bob@example.net SIP/2.0\r\n"
              "Via: SIP/2.0/TLS a;branch=z9hG4bK1\r\n"
              "X-Own: kept\r\n"
              "Content-Type: text/plain\r\n"
              "To: <sip:bob@example.net>\r\n"
              "Content-Length: 2\r\n\r\nhi");
    EXPECT_EQ(Message::response(481, {}).serialise(),
              "SIP/2.0 481 Call/Transaction Does Not Exist\r\nContent-Length: 0\r\n\r\n");
}

TEST(Message, KeepsForeignHeaderFieldsByteForByte) {
    const std::string text =
        "NOTIFY sip:sip.cup.example.com:5061;transport=tls SIP/2.0\r\n"
        "Record-Route: <sip:sip.contoso.com:5061;transport=tls;lr;ms-route-sig=a_b-c=>;tag=3A78;ms-rrsig=x\r\n"
        "Via: SIP/2.0/TLS 10.55.55.22:4317;ms-received-port=4317;ms-received-cid=67F00\r\n"
        "From: \"Alice\"<sip:alice@contoso.com>;tag=dfac;epid=ce4c\r\n"
        "To: <sip:u1@cup.example.com>;tag=1\r\n"
        "Call-ID: cecb8c21ba01462a90f2f7235673f2b9\r\n"
        "CSeq: 1 NOTIFY\r\n"
        "ms-odd:  two  spaces\tand a tab \r\n"
        "Content-Length: 0\r\n\r\n";
    const auto parsed = parse_message(text);
    ASSERT_TRUE(parsed);
    EXPECT_FALSE(parsed->problem);
    const auto& m = parsed->message;
    EXPECT_EQ(m.header(HeaderId::record_route),
              "<sip:sip.contoso.com:5061;transport=tls;lr;ms-route-sig=a_b-c=>;tag=3A78;ms-rrsig=x");
    EXPECT_EQ(m.header("MS-ODD"), "two  spaces\tand a tab");
    const auto again = m.serialise();
    EXPECT_EQ(parse_message(again)->message.serialise(), again);
}

TEST(Message, ProblemsAndErrors) {
    struct Case {
        std::string_view change, to;
        bool parses;
        int status;
        std::string_view phrase;
    };
    static constexpr std::string_view good =
        "MESSAGE sip:u1@example.com SIP/2.0\r\n"
        "Via: SIP/2.0/TLS h;branch=z9hG4bK1\r\n"
        "From: <sip:a@b>;tag=1\r\n"
        "To: <sip:u1@example.com>\r\n"
        "Call-ID: 1@b\r\n"
        "CSeq: 1 MESSAGE\r\n"
        "Max-Forwards: 70\r\n"
        "Content-Length: 0\r\n\r\n";
    for (const auto& c : {
             Case{"", "", true, 0, ""},
             Case{"Via:", "Vio:", false, 0, ""},
             Case{" SIP/2.0\r\n", "\r\n", false, 0, ""},
             Case{" SIP/2.0\r\n", " HTTP/1.1\r\n", false, 0, ""},
             Case{"MESSAGE sip", "ME<AGE sip", false, 0, ""},
             Case{"From: <sip:a@b>;tag=1", "From: <sip:a@b>;tag", true, 400, "Bad From"},
             Case{"From: <sip:a@b>;tag=1", "From: <sip:a@b>;tag=1;tag=2", true, 400, "Bad From"},
             Case{"From: <sip:a@b>;tag=1", "From: <sip:a@b@c>;tag=1", true, 400, "Bad From"},
             Case{"CSeq: 1 ", "CSeq: 2147483648 ", true, 400, "Bad CSeq"},
             Case{"CSeq: 1 ", "CSeq: 2147483647 ", true, 0, ""},
             Case{"Max-Forwards: 70", "Max-Forwards: 256", true, 400, "Bad Max-Forwards"},
             Case{"Max-Forwards: 70", "Max-Forwards 70", true, 400, "Bad Header Field"},
             Case{"Max-Forwards: 70", "Expires: 1\r\nExpires: 2", true, 400, "Repeated Expires"},
             Case{"Call-ID: 1@b", "Call-ID: 1@b@c", true, 400, "Bad Call-ID"},
             Case{"Call-ID: 1@b", "Call-ID: 1 2", true, 400, "Bad Call-ID"},
             Case{"Call-ID: 1@b\r\n", "", true, 400, "Missing Call-ID"},
             Case{"SIP/2.0/TLS h", "SIP/2.0/TLS", true, 400, "Bad Via"},
             Case{"SIP/2.0/TLS h", "SIP/2.0/TLS h:0", true, 400, "Bad Via"},
             Case{"branch=z9hG4bK1", "branch=z9hG4bK1, SIP/2.0/TCP [::1]:5060;branch=2", true, 0, ""},
             Case{"branch=z9hG4bK1", "branch=z9hG4bK1;branch=z9hG4bK2", true, 400, "Bad Via"},
             Case{"Max-Forwards: 70", "Contact: <sip:a@b>, <sip:c@d>;q=1", true, 0, ""},
             Case{"Max-Forwards: 70", "Record-Route: <sip:a;lr>,,<sip:b;lr>", true, 400, "Bad Record-Route"},
         }) {
        SCOPED_TRACE(c.to);
        std::string text(good);
        if (!c.change.empty()) text.replace(text.find(c.change), c.change.size(), c.to);
        const auto parsed = parse_message(text);
        ASSERT_EQ(parsed.has_value(), c.parses);
        if (!parsed) continue;
        EXPECT_EQ(parsed->problem ? parsed->problem->status : 0, c.status);
        EXPECT_EQ(parsed->problem ? parsed->problem->phrase : "", c.phrase);
    }
}

TEST(Message, KnowsItsHeaderNames) {
    for (int i = 1; i <= static_cast<int>(HeaderId::ms_diagnostics_public); ++i) {
        const auto id = static_cast<HeaderId>(i);
        EXPECT_EQ(header_from(to_string(id)), id);
    }
    EXPECT_EQ(header_from("V"), HeaderId::via);
    EXPECT_EQ(header_from("o"), HeaderId::event);
    EXPECT_EQ(header_from("z"), HeaderId::other);
}

}  // namespace
}  // namespace parley::sip
