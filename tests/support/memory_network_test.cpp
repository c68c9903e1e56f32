#include "tests/support/memory_network.hpp"

#include <functional>

#include <gtest/gtest.h>

#include "tests/support/fake_executor.hpp"

namespace parley::test {
namespace {

using namespace std::chrono_literals;
using net::Connection;

struct Peer : Connection::Handler {
    std::unique_ptr<Connection> connection;
    std::string received;
    std::vector<std::size_t> sizes;
    std::string closed;
    int secured = 0, drained = 0;
    std::function<void()> on_bytes_hook;

    void on_bytes(std::string_view bytes) override {
        received += bytes;
        sizes.push_back(bytes.size());
        if (on_bytes_hook) on_bytes_hook();
    }
    void on_secured() override { ++secured; }
    void on_drained() override { ++drained; }
    void on_closed(const Error& why) override { closed = why.detail; }
};

class MemoryNetworkTest : public testing::Test {
protected:
    void connect() {
        listener = *b.listen(executor, {"", 5269}, [this](std::unique_ptr<Connection> c) {
            server.connection = std::move(c);
            server.connection->set_handler(&server);
        });
        a.connect(executor, {"10.0.0.2", 5269}, 1s, [this](Result<std::unique_ptr<Connection>> c) {
            ASSERT_TRUE(c);
            client.connection = *std::move(c);
            client.connection->set_handler(&client);
        });
        executor.run_until_idle();
        ASSERT_TRUE(server.connection && client.connection);
    }
    FakeExecutor executor;
    MemoryNetwork a, b{a, "10.0.0.2"};
    Peer server, client;
    std::unique_ptr<net::Listener> listener;
};

TEST_F(MemoryNetworkTest, BytesFlowAndBothKnowWhoTheOtherIs) {
    connect();
    client.connection->send("one ");
    client.connection->send("two");
    EXPECT_EQ(server.received, "");
    executor.run_until_idle();
    EXPECT_EQ(server.received, "one two");
    EXPECT_EQ(server.connection->remote(), client.connection->local());
    EXPECT_EQ(client.connection->local().address, "10.0.0.1");
    a.set_chunk(3);
    client.connection->send("12345678");
    server.sizes.clear();
    executor.run_until_idle();
    EXPECT_EQ(server.sizes, (std::vector<std::size_t>{3, 3, 2}));
}

TEST_F(MemoryNetworkTest, CloseSendsWhatIsQueuedAndAbortDoesNot) {
    connect();
    client.connection->send("the end");
    client.connection->close();
    EXPECT_EQ(client.closed, "");
    executor.run_until_idle();
    EXPECT_EQ(server.received, "the end");
    EXPECT_EQ(server.closed, "the peer closed the connection");
    EXPECT_EQ(client.closed, "closed by us");
    EXPECT_EQ(a.open_connections(), 0u);
    server.received.clear();
    listener.reset();
    connect();
    client.connection->send("never");
    client.connection->abort();
    executor.run_until_idle();
    EXPECT_EQ(server.received, "");
    EXPECT_EQ(client.closed, "aborted by us");
}

TEST_F(MemoryNetworkTest, APausedReaderHoldsTheSenderBack) {
    connect();
    server.connection->pause_reading(true);
    client.connection->send(std::string(1'000'000, 'x'));
    executor.run_until_idle();
    EXPECT_EQ(server.received, "");
    EXPECT_GT(client.connection->unsent(), 500'000u);
    EXPECT_EQ(client.drained, 0);
    server.connection->pause_reading(false);
    executor.run_until_idle();
    EXPECT_EQ(server.received.size(), 1'000'000u);
    EXPECT_EQ(client.connection->unsent(), 0u);
    EXPECT_EQ(client.drained, 1);
}

TEST_F(MemoryNetworkTest, TlsInTheMiddleShowsEachTheOthersCertificate) {
    b.set_certificate(certificate_for("example.net"));
    connect();
    server.on_bytes_hook = [&] {
        if (server.received != "starttls") return;
        server.connection->send("proceed");
        server.connection->start_tls(nullptr, Connection::TlsRole::server);
        server.connection->send("after");
    };
    client.on_bytes_hook = [&] {
        if (client.received != "proceed") return;
        client.connection->start_tls(nullptr, Connection::TlsRole::client, "example.net");
        client.connection->send("inside");
    };
    client.connection->send("starttls");
    executor.run_until_idle();
    EXPECT_EQ(server.received, "starttlsinside");
    EXPECT_EQ(client.received, "proceedafter");
    EXPECT_EQ(server.secured, 1);
    ASSERT_NE(client.connection->tls(), nullptr);
    EXPECT_EQ(client.connection->tls()->peer->dns_names.front(), "example.net");
    EXPECT_FALSE(server.connection->tls()->peer);
    EXPECT_EQ(server.connection->tls()->server_name, "example.net");
    EXPECT_EQ(client.connection->channel_binding(), server.connection->channel_binding());
    EXPECT_EQ(client.connection->channel_binding().size(), 32u);
}

TEST_F(MemoryNetworkTest, PlainBytesBreakAHandshake) {
    connect();
    server.connection->start_tls(nullptr, Connection::TlsRole::server);
    client.connection->send("<stream>");
    executor.run_until_idle();
    EXPECT_EQ(server.closed, "the TLS handshake failed: not a TLS record");
    EXPECT_EQ(client.closed, "the connection was reset");
}

TEST_F(MemoryNetworkTest, Faults) {
    connect();
    a.set_black_hole("10.0.0.2", true);
    client.connection->send("lost");
    executor.run_until_idle();
    EXPECT_EQ(server.received, "");
    std::string error;
    const auto failed = [&](Result<std::unique_ptr<Connection>> c) { error = c ? "connected" : c.error().detail; };
    a.connect(executor, {"10.0.0.2", 5269}, 5s, failed);
    executor.advance(4s);
    EXPECT_EQ(error, "");
    executor.advance(1s);
    EXPECT_EQ(error, "10.0.0.2:5269 does not answer");
    a.set_black_hole("10.0.0.2", false);
    a.connect(executor, {"10.0.0.2", 1}, 5s, failed);
    executor.run_until_idle();
    EXPECT_EQ(error, "cannot connect to 10.0.0.2:1: Connection refused");
    a.reset_connections();
    executor.run_until_idle();
    EXPECT_EQ(client.closed, "Connection reset by peer");
    EXPECT_EQ(server.closed, "Connection reset by peer");
}

TEST_F(MemoryNetworkTest, Dns) {
    a.dns().srv["_xmpp-server._tcp.example.net"] = {{0, 0, 5269, "xmpp.example.net"}};
    a.dns().silent["slow.example"] = true;
    std::vector<net::SrvRecord> found;
    std::string error;
    a.resolve_srv(executor, "_xmpp-server._tcp.Example.net.", [&](auto r) { found = r->records; });
    b.resolve_host(executor, "slow.example", [&](auto r) { error = r.error().detail; });
    bool empty = false;
    b.resolve_host(executor, "nobody.example", [&](auto r) { empty = r && r->records.empty(); });
    executor.run_until_idle();
    EXPECT_EQ(found.size(), 1u);
    EXPECT_TRUE(empty);
    EXPECT_EQ(error, "");
    executor.advance(3s);
    EXPECT_EQ(error, "DNS does not answer for slow.example");
}

TEST_F(MemoryNetworkTest, MovesBetweenExecutorsOfOneWorld) {
    connect();
    FakeExecutor other{executor};
    bool arrived = false;
    server.on_bytes_hook = [&] { EXPECT_EQ(other.in_this_thread(), arrived); };
    server.connection->move_to(other, [&] { arrived = true; });
    client.connection->send("hello");
    executor.run_until_idle();
    EXPECT_TRUE(arrived);
    EXPECT_EQ(server.received, "hello");
    EXPECT_EQ(&server.connection->executor(), &other);
    server.connection.reset();  // before its executor
}

}  // namespace
}  // namespace parley::test
