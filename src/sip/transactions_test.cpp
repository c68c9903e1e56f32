#include "sip/transactions.hpp"

#include <gtest/gtest.h>

#include "sip/limits.hpp"

namespace parley::sip {
namespace {

using namespace std::chrono_literals;
using Arrival = Transactions::Arrival;

constexpr SteadyTime t0{1'000'000ms};

Message request(std::string_view method, std::string_view branch, std::string_view cseq = "1",
                std::string_view to = "<sip:u1@b>", std::string_view domain = "b") {
    auto message = Message::request(method, "sip:u1@b");
    message.add(HeaderId::via,
                "SIP/2.0/TLS peer:5061;" + std::string(branch.empty() ? "x=y" : "branch=") + std::string(branch));
    message.add(HeaderId::from, "<sip:a@" + std::string(domain) + ">;tag=1");
    message.add(HeaderId::to, to);
    message.add(HeaderId::call_id, "c1");
    message.add(HeaderId::cseq, std::string(cseq) + " " + std::string(method));
    return message;
}

Message response_to(const Message& request, int status) {
    auto message = Message::response(status, {});
    message.add(HeaderId::via, request.header(HeaderId::via));
    message.add(HeaderId::from, request.header(HeaderId::from));
    message.add(HeaderId::to, "<sip:a@b>;tag=theirs");
    message.add(HeaderId::call_id, request.header(HeaderId::call_id));
    message.add(HeaderId::cseq, request.header(HeaderId::cseq));
    return message;
}

Transactions::Arrived arrive(Transactions& table, Message message, LinkId link) {
    return table.on_request(std::make_shared<const Message>(std::move(message)), link, t0);
}

TEST(ServerTransactions, AnswerARequestOnce) {
    Transactions table;
    const auto first = arrive(table, request("MESSAGE", "z9hG4bK1"), LinkId{1});
    ASSERT_EQ(first.kind, Arrival::fresh);
    const auto again = arrive(table, request("MESSAGE", "z9hG4bK1"), LinkId{2});
    EXPECT_EQ(again.kind, Arrival::absorbed);  // not answered yet: nothing to say again
    EXPECT_EQ(table.link(first.id), LinkId{2});
    EXPECT_TRUE(table.respond(first.id, 200, "bytes", t0));
    EXPECT_FALSE(table.respond(first.id, 200, "bytes", t0));
    EXPECT_EQ(table.server_size(), 0u);  // timer J is zero
}

TEST(ServerTransactions, TellRequestsApart) {
    struct Case {
        Message message;
        Arrival kind;
    };
    Transactions table;
    ASSERT_EQ(arrive(table, request("INVITE", "z9hG4bK1"), LinkId{1}).kind, Arrival::fresh);
    const auto id = arrive(table, request("INVITE", "", "9"), LinkId{1}).id;  // RFC 2543 matching
    ASSERT_TRUE(id);
    for (const auto& c : {
             Case{request("INVITE", "z9hG4bK1"), Arrival::absorbed},
             Case{request("INVITE", "z9hG4bK2"), Arrival::merged},  // same From tag, Call-ID and CSeq by another way
             Case{request("INVITE", "z9hG4bK2", "1", "<sip:u1@b>;tag=x"), Arrival::fresh},  // in a dialog it is not
             Case{request("INVITE", "", "9"), Arrival::absorbed},
             Case{request("INVITE", "z9hG4bK", "10"), Arrival::fresh},  // nothing but the cookie: matched the old way
             Case{request("INVITE", "z9hG4bK", "11"), Arrival::fresh},
             Case{request("ACK", "z9hG4bK9"), Arrival::ack},
             Case{request("ACK", "z9hG4bK1"), Arrival::absorbed},
             Case{request("CANCEL", "z9hG4bK1"), Arrival::fresh},
         }) {
        SCOPED_TRACE(c.message.serialise());
        EXPECT_EQ(arrive(table, c.message, LinkId{1}).kind, c.kind);
    }
    EXPECT_EQ(table.cancelled_by(request("CANCEL", "", "9")), id);
    EXPECT_FALSE(table.cancelled_by(request("CANCEL", "z9hG4bK77")));
}

TEST(ServerTransactions, InviteWaitsForItsAck) {
    Transactions table;
    const auto id = arrive(table, request("INVITE", "z9hG4bK1"), LinkId{1}).id;
    EXPECT_TRUE(table.respond(id, 180, "ringing", t0));
    EXPECT_EQ(arrive(table, request("INVITE", "z9hG4bK1"), LinkId{1}).resend, "ringing");
    EXPECT_EQ(table.cancelled_by(request("CANCEL", "z9hG4bK1")), id);
    EXPECT_TRUE(table.respond(id, 486, "busy", t0));
    EXPECT_FALSE(table.cancelled_by(request("CANCEL", "z9hG4bK1")));
    EXPECT_EQ(arrive(table, request("INVITE", "z9hG4bK1"), LinkId{1}).resend, "busy");
    EXPECT_EQ(arrive(table, request("ACK", "z9hG4bK1"), LinkId{1}).kind, Arrival::absorbed);
    EXPECT_EQ(table.server_size(), 0u);

    const auto lost = arrive(table, request("INVITE", "z9hG4bK2"), LinkId{1}).id;
    EXPECT_TRUE(table.respond(lost, 486, "busy", t0));
    EXPECT_EQ(table.next_deadline(), t0 + timer::transaction);  // H
    table.on_time(t0 + timer::transaction);
    EXPECT_EQ(table.server_size(), 0u);
}

TEST(ServerTransactions, An2xxKeepsTheInviteForItsRepeats) {  // RFC 6026
    Transactions table;
    const auto id = arrive(table, request("INVITE", "z9hG4bK1"), LinkId{1}).id;
    EXPECT_TRUE(table.respond(id, 200, "ok", t0));
    EXPECT_TRUE(table.respond(id, 200, "ok", t0));  // the session's resend passes
    EXPECT_FALSE(table.respond(id, 486, "busy", t0));
    EXPECT_EQ(arrive(table, request("INVITE", "z9hG4bK1"), LinkId{1}).kind, Arrival::absorbed);
    EXPECT_EQ(arrive(table, request("ACK", "z9hG4bK1"), LinkId{1}).kind, Arrival::ack);
    table.on_time(t0 + timer::transaction);  // L
    EXPECT_EQ(table.server_size(), 0u);
}

TEST(ServerTransactions, AreLimitedOverAllAndForEachDomain) {
    Transactions table;
    std::size_t number = 0;
    const auto ask = [&](std::string_view domain) {
        const auto text = std::to_string(++number);
        return arrive(table, request("INFO", "z9hG4bK" + text, text, "<sip:u1@b>", domain), {}).kind;
    };
    for (const std::string_view domain : {"a", "b", "c"}) {
        for (std::size_t i = 0; i < limit::transactions_of_domain; ++i) ASSERT_EQ(ask(domain), Arrival::fresh);
        EXPECT_EQ(ask(domain), Arrival::overloaded) << "the others have room";
    }
    for (std::size_t i = 0; i < limit::transactions_of_domain; ++i)
        ASSERT_EQ(ask("d" + std::to_string(i % 10)), Arrival::fresh);
    EXPECT_EQ(ask("e"), Arrival::overloaded);
    table.on_time(t0 + timer::unanswered);
    EXPECT_EQ(table.server_size(), 0u);
    EXPECT_EQ(ask("a"), Arrival::fresh);
}

TEST(ServerTransactions, ABranchOfAnotherDomainIsNotItsTransaction) {
    Transactions table;
    const auto first = arrive(table, request("INVITE", "z9hG4bK1"), LinkId{1});
    EXPECT_EQ(arrive(table, request("INVITE", "z9hG4bK1", "1", "<sip:u1@b>", "evil"), LinkId{2}).kind, Arrival::fresh);
    EXPECT_EQ(table.link(first.id), LinkId{1});
    EXPECT_FALSE(table.cancelled_by(request("CANCEL", "z9hG4bK1", "1", "<sip:u1@b>", "other")));
    EXPECT_EQ(table.cancelled_by(request("CANCEL", "z9hG4bK1")), first.id);
}

class ClientTransactions : public testing::Test {
protected:
    ClientTransactionId start(std::string_view method) {
        message = Message::request(method, "sip:bob@c");
        message.add(HeaderId::from, "<sip:u1@b>;tag=ours");
        message.add(HeaderId::to, "<sip:bob@c>");
        message.add(HeaderId::call_id, "c2");
        message.add(HeaderId::cseq, "1 " + std::string(method));
        return table.start(
            message, "SIP/2.0/TLS sip.b:5061",
            [this](const Answer& a) { seen.push_back(a.status * (a.local() ? -1 : 1)); }, random, t0);
    }
    Transactions::Reply reply(int status) { return table.on_response(response_to(message, status), t0); }

    SeededRandom random{1};
    Transactions table;
    Message message;
    std::vector<int> seen;  // negative: our own
};

TEST_F(ClientTransactions, NonInvite) {
    start("MESSAGE");
    EXPECT_TRUE(message.header(HeaderId::via).starts_with("SIP/2.0/TLS sip.b:5061;branch=z9hG4bK"));
    reply(100);
    reply(200);
    reply(200);  // there is nobody for it
    EXPECT_EQ(seen, (std::vector<int>{100, 200}));
    EXPECT_EQ(table.client_size(), 0u);
    start("MESSAGE");
    reply(100);
    table.on_time(t0 + timer::transaction - 1ms);
    EXPECT_EQ(seen.size(), 3u);
    table.on_time(t0 + timer::transaction);  // F
    EXPECT_EQ(seen.back(), -408);
}

TEST_F(ClientTransactions, InviteRefused) {
    const auto id = start("INVITE");
    EXPECT_FALSE(table.answered(id));
    reply(101);
    EXPECT_TRUE(table.answered(id));
    EXPECT_FALSE(table.next_deadline());  // how long it may ring is the session's to say
    const auto ack = parse_message(reply(486).ack);
    ASSERT_TRUE(ack && !ack->problem);
    EXPECT_EQ(ack->message.header(HeaderId::via), message.header(HeaderId::via));
    EXPECT_EQ(ack->message.header(HeaderId::to), "<sip:a@b>;tag=theirs");
    EXPECT_EQ(ack->message.header(HeaderId::cseq), "1 ACK");
    EXPECT_EQ(seen, (std::vector<int>{101, 486}));
}

TEST_F(ClientTransactions, InviteAccepted) {
    const auto id = start("INVITE");
    EXPECT_EQ(reply(200).ack, "");  // the ACK of a 2xx is the dialog's
    reply(200);
    reply(486);
    EXPECT_EQ(seen, (std::vector<int>{200, 200}));
    table.on_sent(id, LinkId{7}, t0);
    table.on_link_down(LinkId{7});  // ends in silence
    table.on_time(t0 + timer::transaction);
    EXPECT_EQ(seen.size(), 2u);
    EXPECT_EQ(table.client_size(), 0u);
}

TEST_F(ClientTransactions, WithoutAnAnswer) {
    start("INVITE");
    table.on_time(t0 + timer::transaction);  // B
    const auto id = start("MESSAGE");
    table.on_sent(id, LinkId{3}, t0);
    table.on_link_down(LinkId{4});
    table.on_link_down(LinkId{3});
    const auto other = start("MESSAGE");
    table.on_send_failed(other);
    table.abandon(start("MESSAGE"));
    table.on_time(t0 + 10 * timer::transaction);
    EXPECT_EQ(seen, (std::vector<int>{-408, -503, -503}));
}

TEST_F(ClientTransactions, TimeInAQueueIsNotThePeers) {
    const auto id = start("NOTIFY");
    table.on_sent(id, LinkId{3}, t0 + timer::transaction / 2);
    table.on_time(t0 + timer::transaction);
    EXPECT_TRUE(seen.empty());
    table.on_time(t0 + timer::transaction + timer::transaction / 2);
    EXPECT_EQ(seen, (std::vector<int>{-408}));
}

TEST_F(ClientTransactions, RefuseWhatIsNotForUs) {
    start("MESSAGE");
    auto forged = response_to(message, 200);
    forged.set(HeaderId::call_id, "other");
    table.on_response(forged, t0);
    auto two = response_to(message, 200);
    two.add(HeaderId::via, "SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23");  // RFC 4475 3.3.10
    table.on_response(two, t0);
    auto other = response_to(message, 200);
    other.set(HeaderId::cseq, "1 INVITE");
    table.on_response(other, t0);
    EXPECT_TRUE(seen.empty());
}

}  // namespace
}  // namespace parley::sip
