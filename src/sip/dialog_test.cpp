#include "sip/dialog.hpp"

#include <gtest/gtest.h>

#include "sip/limits.hpp"

namespace parley::sip {
namespace {

LocalName name() {
    return {"cup.example.com", "sip.cup.example.com", 5061, true};
}

Message subscribe() {
    auto m = Message::request("SUBSCRIBE", "sip:u1@cup.example.com");
    m.add(HeaderId::record_route, "<sip:e1.contoso.com;lr;ms-route-sig=a_b=>;tag=3A78FB");
    m.add(HeaderId::record_route, "<sip:e2.contoso.com;lr>, <sip:e3.contoso.com;lr>");
    m.add(HeaderId::from, "\"Alice\"<sip:alice@contoso.com>;tag=dfac;epid=ce4c");
    m.add(HeaderId::to, "<sip:u1@cup.example.com>");
    m.add(HeaderId::call_id, "c1");
    m.add(HeaderId::cseq, "7 SUBSCRIBE");
    m.add(HeaderId::contact, "<sip:alice@contoso.com;opaque=user:epid:Xx;gruu>");
    return m;
}

TEST(Dialog, AsUasKeepsRouteAndTargetByteForByte) {
    auto dialog = Dialog::as_uas(subscribe(), "01.0000.0123456789abcdef", name());
    ASSERT_TRUE(dialog);
    EXPECT_FALSE(dialog->has_cseq());
    dialog->use_block(dialog->next_block_top());
    auto notify = dialog->request("NOTIFY");
    EXPECT_EQ(notify.serialise(),
              "NOTIFY sip:alice@contoso.com;opaque=user:epid:Xx;gruu SIP/2.0\r\n"
              "Route: <sip:e1.contoso.com;lr;ms-route-sig=a_b=>\r\n"
              "Route: <sip:e2.contoso.com;lr>\r\n"
              "Route: <sip:e3.contoso.com;lr>\r\n"
              "Max-Forwards: 70\r\n"
              "From: <sip:u1@cup.example.com>;tag=01.0000.0123456789abcdef\r\n"
              "To: <sip:alice@contoso.com>;tag=dfac\r\n"
              "Call-ID: c1\r\n"
              "CSeq: 1 NOTIFY\r\n"
              "Content-Length: 0\r\n\r\n");
    EXPECT_TRUE(dialog->matches("dfac"));
    EXPECT_FALSE(dialog->matches("other"));
    EXPECT_FALSE(dialog->accept_cseq(7));
    EXPECT_TRUE(dialog->accept_cseq(9));
    EXPECT_FALSE(dialog->accept_cseq(8));
}

TEST(Dialog, NeedsATagAndOneContact) {
    struct Case {
        HeaderId id;
        std::string_view value;
    };
    for (const auto& c : {Case{HeaderId::from, "<sip:alice@contoso.com>"}, Case{HeaderId::contact, "*"},
                          Case{HeaderId::contact, "<sip:a@b>, <sip:c@d>"}, Case{HeaderId::contact, "<http://x>"}}) {
        auto m = subscribe();
        m.set(c.id, c.value);
        EXPECT_FALSE(Dialog::as_uas(m, "t", name())) << c.value;
    }
    auto many = subscribe();
    for (std::size_t i = 0; i < limit::route_set; ++i) many.add(HeaderId::record_route, "<sip:h;lr>");
    EXPECT_FALSE(Dialog::as_uas(many, "t", name()));
}

TEST(Dialog, AsUacReversesTheRoutes) {
    auto dialog = Dialog::as_uac("c2", "t", *Uri::parse("sip:u1@b"), *Uri::parse("sip:bob@c"), name(), "c");
    EXPECT_TRUE(dialog.has_cseq());
    EXPECT_EQ(dialog.request("INVITE").header(HeaderId::to), "<sip:bob@c>");
    auto ok = Message::response(200, {});
    ok.add(HeaderId::record_route, "<sip:near;lr>");
    ok.add(HeaderId::record_route, "<sip:far;lr>");
    ok.add(HeaderId::to, "<sip:bob@c>;epid=1;tag=theirs");
    ok.add(HeaderId::contact, "<sip:bob@phone>");
    ASSERT_TRUE(dialog.learn(ok));
    EXPECT_EQ(dialog.route_set(), (std::vector<std::string>{"sip:far;lr", "sip:near;lr"}));
    const auto message = dialog.request("MESSAGE");
    EXPECT_EQ(message.request_uri(), "sip:bob@phone");
    EXPECT_EQ(message.header(HeaderId::cseq), "2 MESSAGE");
    EXPECT_EQ(message.header(HeaderId::to), "<sip:bob@c>;tag=theirs");
    EXPECT_EQ(dialog.request("ACK", 1).header(HeaderId::cseq), "1 ACK");
}

TEST(Dialog, StrictRoute) {  // 12.2.1.1
    auto m = subscribe();
    m.remove(HeaderId::record_route);
    m.add(HeaderId::record_route, "<sip:old.contoso.com>");
    m.add(HeaderId::record_route, "<sip:e2.contoso.com;lr>");
    auto dialog = Dialog::as_uas(m, "t", name());
    ASSERT_TRUE(dialog);
    const auto notify = dialog->request("NOTIFY");
    EXPECT_EQ(notify.request_uri(), "sip:old.contoso.com");
    EXPECT_EQ(
        notify.headers(HeaderId::route),
        (std::vector<std::string_view>{"<sip:e2.contoso.com;lr>", "<sip:alice@contoso.com;opaque=user:epid:Xx;gruu>"}));
}

TEST(Dialog, GoesOnAfterARestart) {
    auto dialog = Dialog::as_uas(subscribe(), "t", name());
    ASSERT_TRUE(dialog);
    dialog->use_block(dialog->next_block_top());
    for (int i = 0; i < 3; ++i) dialog->request("NOTIFY");
    DialogRecord record;
    record.role = DialogRecord::Role::notifier;
    record.event = "presence";
    record.state = "active";
    record.expires_at = TimePoint{Millis{1'700'000'000'123}};
    record.note = std::string("any\n\0bytes", 10);
    dialog->fill(record);
    const auto read = decode_dialog_record(encode(record));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, record);
    EXPECT_EQ(encode(*read), encode(record));
    auto restored = Dialog::restored(*read, name());
    ASSERT_TRUE(restored);
    auto& again = *restored;
    EXPECT_FALSE(again.has_cseq());  // the next number needs a new block on disk
    again.use_block(again.next_block_top());
    auto before = dialog->request("NOTIFY", limit::cseq_block + 1);
    EXPECT_EQ(again.request("NOTIFY").serialise(), before.serialise());
    EXPECT_FALSE(again.accept_cseq(7));
}

TEST(DialogRecord, RefusesDamagedRows) {
    DialogRecord record;
    record.call_id = "c";
    record.local_tag = "l";
    record.remote_tag = "r";
    record.remote_target = "sip:h";
    const auto row = encode(record);
    ASSERT_TRUE(decode_dialog_record(row));
    for (std::size_t size = 0; size < row.size(); ++size)
        EXPECT_FALSE(decode_dialog_record(row.substr(0, size))) << size;
    EXPECT_FALSE(decode_dialog_record(row + "role 1:9\n"));
    EXPECT_FALSE(decode_dialog_record(row + "local-cseq 10:4294967295\n"));
    EXPECT_TRUE(decode_dialog_record(row + "later 1:x\n"));
}

}  // namespace
}  // namespace parley::sip
