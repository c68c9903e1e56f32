#include <deque>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/loopback_test.hpp"

namespace parley::net {
namespace {

std::string pattern(std::size_t size) {
    std::string out(size, '\0');
    std::uint32_t state = 1;
    for (auto& c : out) {
        state = state * 1664525u + 1013904223u;
        c = static_cast<char>(state >> 24);
    }
    return out;
}

// The same behaviour is asked of plain connections and of TLS.
class Both : public testing::TestWithParam<bool> {
protected:
    void SetUp() override {
        if (!GetParam()) return;
        const auto context = identity().context();
        pair.secure(context, context);
    }
    static const TestIdentity& identity() {
        static const TestIdentity identity("example.com");
        return identity;
    }
    Pair pair;
};
INSTANTIATE_TEST_SUITE_P(Connection, Both, testing::Bool(),
                         [](const auto& test) { return std::string(test.param ? "tls" : "plain"); });

TEST_P(Both, Echo) {
    on_loop(pair.server_loop, [&] { pair.server.echo = true; });
    on_loop(pair.client_loop, [&] {
        pair.client.connection->send("one ");
        pair.client.connection->send("two");
        EXPECT_EQ(pair.client.connection->unsent(), 7u);  // goes at the end of the turn
    });
    EXPECT_TRUE(pair.wait_for(pair.client_loop, pair.client, [&] { return pair.client.received == "one two"; }));
    on_loop(pair.client_loop, [&] {
        EXPECT_EQ(pair.client.connection->unsent(), 0u);
        EXPECT_EQ(pair.client.connection->remote(), pair.listener->local());
        EXPECT_EQ(pair.client.connection->local().address, "127.0.0.1");
        EXPECT_NE(pair.client.connection->local().port, 0);
    });
}

TEST_P(Both, TenMegabytesBothWaysAtOnce) {
    const auto big = pattern(std::size_t{10} * 1024 * 1024);
    on_loop(pair.server_loop, [&] { pair.server.connection->send(big); });
    on_loop(pair.client_loop, [&] { pair.client.connection->send(big); });
    EXPECT_TRUE(pair.wait_for(pair.client_loop, pair.client, [&] { return pair.client.received_bytes == big.size(); }));
    EXPECT_TRUE(pair.wait_for(pair.server_loop, pair.server, [&] { return pair.server.received_bytes == big.size(); }));
    on_loop(pair.client_loop, [&] { EXPECT_TRUE(pair.client.received == big); });
    on_loop(pair.server_loop, [&] { EXPECT_TRUE(pair.server.received == big); });
}

TEST_P(Both, APausedReaderHoldsTheSenderBack) {
    const auto big = pattern(std::size_t{24} * 1024 * 1024);
    Event drained;
    on_loop(pair.server_loop, [&] { pair.server.connection->pause_reading(true); });
    on_loop(pair.client_loop, [&] {
        pair.client.drained_hook = [&] { drained.set(); };
        pair.client.connection->send(big);
    });
    // What the kernel's buffers do not take stays with the sender.
    on_loop(pair.client_loop, [&] { EXPECT_GT(pair.client.connection->unsent(), std::size_t{4} * 1024 * 1024); });
    on_loop(pair.server_loop, [&] {
        EXPECT_EQ(pair.server.received_bytes, 0u);
        pair.server.bytes_hook = [&](std::string_view) {  // again and again, in the middle of records
            if (pair.server.received_bytes % 5 != 0) return;
            pair.server.connection->pause_reading(true);
            pair.server_loop.post([&] { pair.server.connection->pause_reading(false); });
        };
        pair.server.connection->pause_reading(false);
    });
    EXPECT_TRUE(drained.wait());
    EXPECT_TRUE(pair.wait_for(pair.server_loop, pair.server, [&] { return pair.server.received_bytes == big.size(); }));
    on_loop(pair.server_loop, [&] {
        pair.server.bytes_hook = nullptr;
        EXPECT_TRUE(pair.server.received == big);
    });
    on_loop(pair.client_loop, [&] {
        EXPECT_EQ(pair.client.connection->unsent(), 0u);
        EXPECT_GE(pair.client.drained, 1);
    });
}

TEST_P(Both, CloseSendsWhatIsQueued) {
    const auto big = pattern(std::size_t{3} * 1024 * 1024);
    on_loop(pair.client_loop, [&] {
        pair.client.connection->send(big);
        pair.client.connection->close();
        pair.client.connection->send("after the end");
    });
    EXPECT_TRUE(pair.client.closed_event.wait());
    EXPECT_TRUE(pair.server.closed_event.wait());
    on_loop(pair.server_loop, [&] {
        EXPECT_TRUE(pair.server.received == big);
        EXPECT_EQ(pair.server.closed->code, Errc::closed);
        EXPECT_EQ(pair.server.closed->detail, "the peer closed the connection");
    });
    on_loop(pair.client_loop, [&] { EXPECT_EQ(pair.client.closed->detail, "closed by us"); });
}

TEST_P(Both, CloseGoesOnWhenTheConnectionIsDestroyed) {
    const auto big = pattern(std::size_t{3} * 1024 * 1024);
    on_loop(pair.client_loop, [&] {
        pair.client.connection->send(big);
        pair.client.connection->close();
        pair.client.connection.reset();
    });
    EXPECT_TRUE(pair.server.closed_event.wait());
    on_loop(pair.server_loop, [&] { EXPECT_TRUE(pair.server.received == big); });
    on_loop(pair.client_loop, [&] { EXPECT_FALSE(pair.client.closed); });  // nobody is there to be told
}

TEST_P(Both, AbortIsReportedOnceAndLater) {
    on_loop(pair.client_loop, [&] {
        pair.client.connection->send("never mind");
        pair.client.connection->abort();
        EXPECT_FALSE(pair.client.closed);  // not inside the call
        pair.client.connection->abort();
        pair.client.connection->close();
    });
    EXPECT_TRUE(pair.client.closed_event.wait());
    EXPECT_TRUE(pair.server.closed_event.wait());
    on_loop(pair.client_loop, [&] { EXPECT_EQ(pair.client.closed->detail, "aborted by us"); });
}

TEST_P(Both, DestroyingIsSilentHereAndSeenThere) {
    on_loop(pair.client_loop, [&] { pair.client.connection.reset(); });
    EXPECT_TRUE(pair.server.closed_event.wait());
    on_loop(pair.client_loop, [&] { EXPECT_FALSE(pair.client.closed); });
}

TEST_P(Both, MovesUnderTraffic) {
    // Messages go to the server without a pause while its end wanders between two loops; each must arrive once, in
    // order.
    EventLoop other;
    other.start();
    constexpr int messages = 20'000;
    constexpr std::size_t size = 64;
    Event all;
    EventLoop* here = &pair.server_loop;
    int moves = 0;
    std::string expected;
    for (int i = 0; i < messages; ++i) {
        auto text = std::to_string(i);
        text.resize(size, '.');
        expected += text;
    }
    auto wander = [&](std::string_view) {
        if (pair.server.received_bytes == expected.size()) return all.set();
        if (moves >= 200) return;
        ++moves;
        here = here == &pair.server_loop ? &other : &pair.server_loop;
        pair.server.connection->move_to(*here, [&] {
            EXPECT_TRUE(here->in_this_thread());
            EXPECT_EQ(&pair.server.connection->executor(), here);
            pair.server.connection->send("x");  // works at once
        });
    };
    on_loop(pair.server_loop, [&] { pair.server.bytes_hook = wander; });
    int sent = 0;
    std::function<void()> send_more = [&] {
        for (int i = 0; i < 100 && sent < messages; ++i, ++sent)
            pair.client.connection->send(
                std::string_view(expected).substr(static_cast<std::size_t>(sent) * size, size));
        if (sent < messages) pair.client_loop.post(send_more);
    };
    pair.client_loop.post(send_more);
    EXPECT_TRUE(all.wait());
    on_loop(*here, [&] { EXPECT_TRUE(pair.server.received == expected); });
    EXPECT_GT(moves, 10);
    EXPECT_TRUE(pair.wait_for(pair.client_loop, pair.client,
                              [&] { return pair.client.received_bytes == static_cast<std::size_t>(moves); }));
    on_loop(*here, [&] { pair.server.connection.reset(); });
}

// A handler may destroy its connection in any callback, whatever is going on.
TEST_P(Both, AnyCallbackMayDestroyTheConnection) {
    enum class When { bytes, drained, closed };
    for (const auto when : {When::bytes, When::drained, When::closed}) {
        for (int round = 0; round < 8; ++round) {
            Pair p;
            if (GetParam()) p.secure(identity().context(), identity().context());
            Event gone;
            const auto destroy = [&] {
                if (round % 2 == 1) p.server.connection->send("a last word");
                if (round % 4 >= 2) p.server.connection->close();
                p.server.connection.reset();
                gone.set();
            };
            on_loop(p.server_loop, [&] {
                if (when == When::bytes) p.server.bytes_hook = [&](std::string_view) { destroy(); };
                if (when == When::drained) {
                    p.server.drained_hook = destroy;
                    p.server.connection->send(pattern(std::size_t{9} * 1024 * 1024));
                }
                if (when == When::closed) p.server.closed_hook = [&] { p.server.connection.reset(), gone.set(); };
            });
            on_loop(p.client_loop, [&] {
                p.client.keep_bytes = false;
                p.client.connection->send(pattern(std::size_t{100} * 1024));
                if (when == When::closed) p.client.connection->close();
            });
            EXPECT_TRUE(gone.wait()) << static_cast<int>(when) << ' ' << round;
        }
    }
}

TEST_P(Both, AThousandConnections) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    ASSERT_GE(files.rlim_cur, 2200u) << "this test needs more file descriptors: raise the limit (ulimit -n)";

    const auto context = identity().context();
    constexpr int count = 1000;
    std::deque<Peer> servers, clients(count);
    auto listener = pair.network.listen(pair.server_loop, {"127.0.0.1", 0}, [&](std::unique_ptr<Connection> c) {
        auto& peer = servers.emplace_back();
        peer.echo = true;
        peer.take(std::move(c));
        if (GetParam()) peer.connection->start_tls(context, Connection::TlsRole::server);
    });
    ASSERT_TRUE(listener);
    Event echoed;
    on_loop(pair.client_loop, [&] {
        for (int i = 0; i < count; ++i) {
            pair.network.connect(
                pair.client_loop, (*listener)->local(), Millis{100'000}, [&, i](Result<std::unique_ptr<Connection>> c) {
                    ASSERT_TRUE(c) << c.error().detail;
                    auto& peer = clients[static_cast<std::size_t>(i)];
                    peer.bytes_hook = [&, i](std::string_view) {
                        if (clients[static_cast<std::size_t>(i)].received == std::to_string(i)) echoed.set();
                    };
                    peer.take(*std::move(c));
                    if (GetParam()) peer.connection->start_tls(context, Connection::TlsRole::client, "example.com");
                    peer.connection->send(std::to_string(i));
                });
        }
    });
    EXPECT_TRUE(echoed.wait(count));
    on_loop(pair.server_loop, [&] { listener->reset(); });
    on_loop(pair.client_loop, [&] { clients.clear(); });
    on_loop(pair.server_loop, [&] { servers.clear(); });
}

TEST(Connection, AnAnswerStillReachesAPeerThatHasOnlyStoppedSending) {
    Pair pair;
    const auto big = pattern(std::size_t{6} * 1024 * 1024);
    std::deque<Peer> servers;
    auto listener = pair.network.listen(pair.server_loop, {"127.0.0.1", 0}, [&](std::unique_ptr<Connection> c) {
        auto& peer = servers.emplace_back();
        peer.bytes_hook = [&](std::string_view) { peer.connection->send(big); };
        peer.take(std::move(c));
    });
    ASSERT_TRUE(listener);
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((*listener)->local().port);
    ASSERT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::send(fd, "all", 3, 0), 3);
    ASSERT_EQ(::shutdown(fd, SHUT_WR), 0);
    std::string answer;
    char buffer[65536];
    for (ssize_t count = 0; (count = ::recv(fd, buffer, sizeof buffer, 0)) > 0;)
        answer.append(buffer, static_cast<std::size_t>(count));
    EXPECT_TRUE(answer == big) << answer.size();
    ::close(fd);
    on_loop(pair.server_loop, [&] {
        EXPECT_EQ(servers.front().received, "all");
        EXPECT_TRUE(servers.front().closed);
        servers.clear();
    });
}

TEST(Connection, ConnectionsMayOutliveTheirLoop) {
    auto pair = std::make_unique<Pair>();
    const auto take = [](EventLoop& loop, Peer& peer) {
        return on_loop(loop, [&] {
            peer.connection->send("x");
            peer.connection->set_handler(nullptr);
            return std::move(peer.connection);
        });
    };
    const auto kept_server = take(pair->server_loop, pair->server);
    const auto kept_client = take(pair->client_loop, pair->client);
    auto listener = std::move(pair->listener);
    pair.reset();
    kept_client->send("nobody is there");
    kept_client->close();
}

TEST(Listener, APortInUseIsSaidPlainly) {
    EventLoop loop;
    SocketNetwork network;
    const auto nothing = [](std::unique_ptr<Connection>) {};
    const auto first = network.listen(loop, {"127.0.0.1", 0}, nothing);
    ASSERT_TRUE(first);
    const auto second = network.listen(loop, (*first)->local(), nothing);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::conflict);
    EXPECT_EQ(second.error().detail, "cannot listen on 127.0.0.1:" + std::to_string((*first)->local().port) +
                                         ": the port is in use by another program");
    const auto named = network.listen(loop, {"localhost", 0}, nothing);
    ASSERT_FALSE(named);
    EXPECT_EQ(named.error().code, Errc::malformed);
}

TEST(Listener, AnEmptyAddressTakesBothFamilies) {
    EventLoop loop;
    loop.start();
    SocketNetwork network;
    std::deque<Peer> servers;
    Event accepted;
    std::vector<std::string> from;
    const auto listener = network.listen(loop, {"", 0}, [&](std::unique_ptr<Connection> c) {
        from.push_back(c->remote().address);
        accepted.set();
    });
    ASSERT_TRUE(listener);
    int count = 0;
    for (const auto* address : {"127.0.0.1", "::1"}) {
        Event done;
        bool connected = false;
        network.connect(loop, {address, (*listener)->local().port}, Millis{5'000}, [&](auto c) {
            connected = c.has_value();
            done.set();
        });
        ASSERT_TRUE(done.wait());
        if (!connected) continue;  // a machine without IPv6
        ASSERT_TRUE(accepted.wait(++count));
        EXPECT_EQ(on_loop(loop, [&] { return from.back(); }), address);
    }
    EXPECT_GE(count, 1);
}

#ifndef __SANITIZE_ADDRESS__  // UBSan itself needs descriptors to look at a vptr; the tsan preset runs this
TEST(Listener, SurvivesRunningOutOfDescriptors) {
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    Pair pair;
    std::deque<Peer> servers;
    Event accepted;
    auto listener = pair.network.listen(pair.server_loop, {"127.0.0.1", 0}, [&](std::unique_ptr<Connection> c) {
        servers.emplace_back().take(std::move(c));
        accepted.set();
    });
    ASSERT_TRUE(listener);
    const int socket = ::dup(0);  // the next free descriptor
    ASSERT_GE(socket, 0);
    ::close(socket);
    rlimit tight = before;
    tight.rlim_cur = static_cast<rlim_t>(socket) + 1;  // room for the client's end only
    ::setrlimit(RLIMIT_NOFILE, &tight);
    Event connected;
    Peer client;
    pair.network.connect(pair.client_loop, (*listener)->local(), Millis{10'000}, [&](auto c) {
        ASSERT_TRUE(c) << c.error().detail;
        client.take(*std::move(c));
        connected.set();
    });
    EXPECT_TRUE(connected.wait());
    on_loop(pair.server_loop, [&] { EXPECT_TRUE(servers.empty()); });
    ::setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_TRUE(accepted.wait());
    on_loop(pair.client_loop, [&] { client.connection.reset(); });
    on_loop(pair.server_loop, [&] { servers.clear(); });
}
#endif

TEST(Connect, FailuresSayWhy) {
    EventLoop loop;
    loop.start();
    SocketNetwork network;
    Endpoint unused;
    {
        auto listener = network.listen(loop, {"127.0.0.1", 0}, [](std::unique_ptr<Connection>) {});
        unused = (*listener)->local();
    }
    on_loop(loop, [] {});
    Event done;
    std::optional<Error> error;
    const auto failed = [&](Result<std::unique_ptr<Connection>> c) {
        ASSERT_FALSE(c);
        error = c.error();
        done.set();
    };
    network.connect(loop, unused, Millis{5'000}, failed);
    ASSERT_TRUE(done.wait(1));
    EXPECT_EQ(error->code, Errc::closed);
    EXPECT_EQ(error->detail, "cannot connect to " + unused.to_string() + ": Connection refused");
    network.connect(loop, {"not numeric", 1}, Millis{5'000}, failed);
    ASSERT_TRUE(done.wait(2));
    EXPECT_EQ(error->code, Errc::malformed);

    // A listener whose queue is full does not answer any more: the time-out is ours.
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
    ASSERT_EQ(::listen(fd, 0), 0);
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    const Endpoint full{"127.0.0.1", ntohs(address.sin_port)};
    std::deque<Peer> fillers;
    for (int i = 0; i < 4; ++i) {
        network.connect(loop, full, Millis{300}, [&](Result<std::unique_ptr<Connection>> c) {
            if (c)
                fillers.emplace_back().take(*std::move(c));
            else
                error = c.error();
            done.set();
        });
    }
    ASSERT_TRUE(done.wait(6));
    EXPECT_EQ(error->code, Errc::timed_out);
    EXPECT_EQ(error->detail, full.to_string() + " does not answer");
    on_loop(loop, [&] { fillers.clear(); });
    ::close(fd);
}

TEST(Endpoint, Text) {
    EXPECT_EQ((Endpoint{"192.0.2.1", 5222}.to_string()), "192.0.2.1:5222");
    EXPECT_EQ((Endpoint{"2001:db8::1", 5222}.to_string()), "[2001:db8::1]:5222");
    EXPECT_TRUE((Endpoint{"127.3.0.1", 1}.is_loopback()));
    EXPECT_TRUE((Endpoint{"::1", 1}.is_loopback()));
    EXPECT_FALSE((Endpoint{"192.0.2.1", 1}.is_loopback()));
    EXPECT_FALSE((Endpoint{"::", 1}.is_loopback()));
}

}  // namespace
}  // namespace parley::net
