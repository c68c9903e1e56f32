#include <deque>

#include <openssl/ssl.h>

#include "base/random.hpp"
#include "net/identity.hpp"
#include "net/loopback_test.hpp"

namespace parley::net {
namespace {

using Role = Connection::TlsRole;

TEST(Tls, StartsInTheMiddleOfAConnection) {
    const TestIdentity identity("example.com");
    Pair pair;
    const auto server_context = identity.context(), client_context = anonymous(identity.certificate);
    on_loop(pair.server_loop, [&] {
        pair.server.bytes_hook = [&](std::string_view bytes) {
            if (bytes != "starttls") return;
            EXPECT_EQ(pair.server.connection->tls(), nullptr);
            pair.server.connection->send("proceed");
            pair.server.connection->start_tls(server_context, Role::server);
            pair.server.connection->send("queued by the server");
        };
    });
    on_loop(pair.client_loop, [&] {
        pair.client.bytes_hook = [&](std::string_view bytes) {
            if (bytes != "proceed") return;
            pair.client.connection->start_tls(client_context, Role::client, "example.com");
            pair.client.connection->send("queued by the client");
        };
        pair.client.connection->send("starttls");
    });
    EXPECT_TRUE(pair.wait_for(pair.server_loop, pair.server,
                              [&] { return pair.server.received == "starttlsqueued by the client"; }));
    EXPECT_TRUE(pair.wait_for(pair.client_loop, pair.client,
                              [&] { return pair.client.received == "proceedqueued by the server"; }));
    const auto client_binding = on_loop(pair.client_loop, [&] {
        const auto& tls = *pair.client.connection->tls();
        EXPECT_EQ(tls.protocol, "TLSv1.3");
        EXPECT_EQ(tls.cipher, "TLS_AES_128_GCM_SHA256");
        EXPECT_EQ(tls.server_name, "example.com");
        EXPECT_TRUE(tls.peer && tls.peer->trusted) << tls.peer->trust_error;
        EXPECT_TRUE(names_xmpp_domain(*tls.peer, "example.com"));
        return pair.client.connection->channel_binding();
    });
    on_loop(pair.server_loop, [&] {
        EXPECT_EQ(pair.server.connection->tls()->server_name, "example.com");
        EXPECT_FALSE(pair.server.connection->tls()->peer);  // the client has no certificate
        EXPECT_EQ(pair.server.connection->channel_binding(), client_binding);
    });
    EXPECT_EQ(client_binding.size(), 32u);
}

struct TrustCase {
    const char* name;
    int starts_in_days, days_valid;
    bool in_trust_file;
    bool trusted;
    std::string error;
};

TEST(Tls, BothSidesJudgeTheCertificateOfTheOther) {
    for (const auto& c : {
             TrustCase{"trusted", 0, 10, true, true, ""},
             TrustCase{"unknown", 0, 10, false, false, "self-signed certificate"},
             TrustCase{"expired", -20, 10, true, false, "certificate has expired"},
             TrustCase{"not yet valid", 20, 10, true, false, "certificate is not yet valid"},
         }) {
        SCOPED_TRACE(c.name);
        SelfSignedSettings settings{{"partner.example"}};
        settings.starts_in_days = c.starts_in_days;
        settings.days_valid = c.days_valid;
        const TestIdentity theirs(settings);
        const TestIdentity ours("example.com");
        Pair pair;
        // Their certificate is judged by us as server and as client.
        const auto ours_context = ours.context(c.in_trust_file ? theirs.certificate : ours.certificate);
        for (const bool we_serve : {true, false}) {
            Pair p;
            if (we_serve)
                p.secure(ours_context, theirs.context(ours.certificate));
            else
                p.secure(theirs.context(ours.certificate), ours_context);
            const auto check = [&](const TlsInfo& seen_by_us, const TlsInfo& seen_by_them) {
                ASSERT_TRUE(seen_by_us.peer && seen_by_them.peer);
                EXPECT_EQ(seen_by_us.peer->trusted, c.trusted);
                EXPECT_EQ(seen_by_us.peer->trust_error, c.error);
                EXPECT_EQ(seen_by_us.peer->common_name, "partner.example");
                EXPECT_EQ(seen_by_us.peer->dns_names,
                          (std::vector<std::string>{"partner.example", "sip.partner.example"}));
                EXPECT_EQ(seen_by_us.peer->xmpp_addrs, std::vector<std::string>{"partner.example"});
                EXPECT_EQ(seen_by_us.peer->sha256.size(), 64u);
                EXPECT_FALSE(names_xmpp_domain(*seen_by_us.peer, "example.com"));  // another's name
                EXPECT_TRUE(seen_by_them.peer->trusted) << seen_by_them.peer->trust_error;
                EXPECT_EQ(seen_by_them.peer->common_name, "example.com");
            };
            const auto server = on_loop(p.server_loop, [&] { return *p.server.connection->tls(); });
            const auto client = on_loop(p.client_loop, [&] { return *p.client.connection->tls(); });
            we_serve ? check(server, client) : check(client, server);
        }
    }
}

TEST(Tls, AllKindsOfNamesAreRead) {
    SelfSignedSettings settings{{"example.com"}};
    settings.names_of_domains = false;
    settings.more_names = {"DNS:a.example",
                           "DNS:*.b.example",
                           "URI:sip:example.com",
                           "otherName:1.3.6.1.5.5.7.8.7;IA5:_xmpp-server.example.com",
                           "otherName:1.3.6.1.5.5.7.8.5;UTF8:xmpp.example",
                           "otherName:1.2.3.4;UTF8:unknown kind",
                           "IP:192.0.2.1"};
    const TestIdentity identity(settings);
    Pair pair;
    pair.secure(identity.context(), anonymous());
    const auto peer = on_loop(pair.client_loop, [&] { return *pair.client.connection->tls()->peer; });
    EXPECT_EQ(peer.dns_names, (std::vector<std::string>{"a.example", "*.b.example"}));
    EXPECT_EQ(peer.uris, std::vector<std::string>{"sip:example.com"});
    EXPECT_EQ(peer.srv_names, std::vector<std::string>{"_xmpp-server.example.com"});
    EXPECT_EQ(peer.xmpp_addrs, std::vector<std::string>{"xmpp.example"});
}

TEST(Tls, AlpnAndServerName) {
    struct Case {
        std::vector<std::string> offered, accepted;
        std::string chosen;
        bool through = true;
    };
    const TestIdentity identity("example.com");
    for (const auto& c : {
             Case{{"xmpp-client"}, {"xmpp-client"}, "xmpp-client"},
             Case{{}, {"xmpp-client"}, ""},
             Case{{"xmpp-client"}, {}, ""},
             Case{{"h2", "xmpp-server"}, {"xmpp-client", "xmpp-server"}, "xmpp-server"},
             Case{{"http/1.1"}, {"xmpp-client"}, "", false},
         }) {
        Pair pair;
        const auto server = identity.context({}, c.accepted), client = identity.context({}, c.offered);
        if (c.through) {
            pair.secure(server, client, "Im.Example.com");
            on_loop(pair.server_loop, [&] {
                EXPECT_EQ(pair.server.connection->tls()->alpn, c.chosen);
                EXPECT_EQ(pair.server.connection->tls()->server_name, "Im.Example.com");
            });
            continue;
        }
        on_loop(pair.server_loop, [&] { pair.server.connection->start_tls(server, Role::server); });
        on_loop(pair.client_loop, [&] { pair.client.connection->start_tls(client, Role::client); });
        EXPECT_TRUE(pair.client.closed_event.wait());
        on_loop(pair.client_loop, [&] {
            EXPECT_EQ(pair.client.closed->detail, "the TLS handshake failed: TLS: tlsv1 alert no application protocol");
        });
    }
}

TEST(Tls, OnePortServesSeveralDomainsByServerName) {
    const TestIdentity first("one.example"), second("two.example");
    const auto context = first.context(), other = second.context();
    context->set_by_server_name([&](const std::string& name) { return name == "two.example" ? other : nullptr; });
    struct Case {
        const char *asked, *shown;
    };
    for (const auto& c :
         {Case{"Two.example", "two.example"}, Case{"one.example", "one.example"}, Case{"who.example", "one.example"}}) {
        Pair pair;
        pair.secure(context, anonymous(), c.asked);
        on_loop(pair.client_loop, [&] { EXPECT_EQ(pair.client.connection->tls()->peer->common_name, c.shown); });
    }
}

TEST(Tls, AFailedHandshakeClosesBothEndsAndSaysWhy) {
    const TestIdentity identity("example.com");
    for (const bool server_speaks_tls : {true, false}) {
        Pair pair;
        auto& tls = server_speaks_tls ? pair.server : pair.client;
        auto& plain = server_speaks_tls ? pair.client : pair.server;
        on_loop(server_speaks_tls ? pair.server_loop : pair.client_loop, [&] {
            tls.connection->start_tls(identity.context(), server_speaks_tls ? Role::server : Role::client,
                                      "example.com");
        });
        on_loop(server_speaks_tls ? pair.client_loop : pair.server_loop,
                [&] { plain.connection->send("<?xml version='1.0'?><stream:stream>"); });
        EXPECT_TRUE(tls.closed_event.wait());
        EXPECT_TRUE(plain.closed_event.wait());
        EXPECT_EQ(tls.closed->detail.find("the TLS handshake failed: TLS: "), 0u) << tls.closed->detail;
        EXPECT_EQ(tls.closed->code, Errc::closed);
    }
}

TEST(Tls, CloseDuringAHandshakeThatStands) {
    const TestIdentity identity("example.com");
    Pair pair;  // the client never starts TLS
    on_loop(pair.server_loop, [&] {
        pair.server.connection->start_tls(identity.context(), Role::server);
        pair.server.connection->send("never sent in clear");
    });
    on_loop(pair.server_loop, [&] { pair.server.connection->close(); });
    EXPECT_TRUE(pair.server.closed_event.wait());
    EXPECT_TRUE(pair.client.closed_event.wait());
    on_loop(pair.client_loop, [&] { EXPECT_EQ(pair.client.received, ""); });
}

TEST(Tls, DestroyedInsideOnSecured) {
    const TestIdentity identity("example.com");
    for (int round = 0; round < 10; ++round) {
        Pair pair;
        Event gone;
        on_loop(pair.server_loop, [&] {
            pair.server.secured_hook = [&] {
                if (round % 3 == 1) pair.server.connection->send("last words");
                if (round % 3 == 2) pair.server.connection->close();
                pair.server.connection.reset();
                gone.set();
            };
            pair.server.connection->start_tls(identity.context(), Role::server);
        });
        on_loop(pair.client_loop, [&] {
            pair.client.connection->start_tls(anonymous(), Role::client, "example.com");
            pair.client.connection->send("hello");
        });
        EXPECT_TRUE(gone.wait());
        EXPECT_TRUE(pair.client.closed_event.wait());
    }
}

TEST(Tls, MovesInsideOnSecured) {  // the next records may be inside OpenSSL already
    const TestIdentity identity("example.com");
    EventLoop other;
    other.start();
    for (int round = 0; round < 10; ++round) {
        Pair pair;
        on_loop(pair.server_loop, [&] {
            pair.server.echo = true;
            pair.server.secured_hook = [&] { pair.server.connection->move_to(other, [] {}); };
            pair.server.connection->start_tls(identity.context(), Role::server);
        });
        on_loop(pair.client_loop, [&] {
            pair.client.connection->start_tls(anonymous(), Role::client, "example.com");
            pair.client.connection->send("hello");
        });
        EXPECT_TRUE(pair.wait_for(pair.client_loop, pair.client, [&] { return pair.client.received == "hello"; }));
        on_loop(other, [&] { pair.server.connection.reset(); });
    }
}

// Peers' connections come and go at random moments of a conversation with TLS in the middle; whatever happens, no
// handler is called after its end and nothing is touched that is gone (the sanitizers watch).
TEST(Tls, RandomEnds) {
    const TestIdentity identity("example.com");
    const auto server_context = identity.context(), client_context = anonymous();
    SeededRandom random(2026);
    EventLoop server_loop, client_loop, other_loop;
    for (auto* loop : {&server_loop, &client_loop, &other_loop}) loop->start();
    SocketNetwork network;
    struct Side : Connection::Handler {
        std::unique_ptr<Connection> connection;
        std::shared_ptr<TlsContext> context;
        Role role{};
        std::uint64_t seed = 0;
        Event* over = nullptr;
        bool ended = false;
        EventLoop* away = nullptr;
        void act() {
            SeededRandom dice(seed++);
            if (ended || !connection) return;
            switch (dice.below(12)) {
                case 0: connection->close(); break;
                case 1: connection->abort(); break;
                case 2:
                    connection.reset();
                    ended = true;
                    over->set();
                    break;
                case 3:
                    if (away != nullptr) connection->move_to(*std::exchange(away, nullptr), [this] { act(); });
                    break;
                case 4: connection->start_tls(context, role, "example.com"); break;
                case 5: connection->pause_reading(true), connection->pause_reading(false); break;
                default: connection->send(std::string(1 + dice.below(40'000), 'x'));
            }
        }
        void on_bytes(std::string_view) override {
            EXPECT_FALSE(ended);
            act();
        }
        void on_secured() override { act(); }
        void on_drained() override { act(); }
        void on_closed(const Error&) override {
            EXPECT_FALSE(ended);
            ended = true;
            connection.reset();
            over->set();
        }
    };
    Event over;
    constexpr int rounds = 300;
    std::deque<Side> servers(rounds), clients(rounds);
    int accepted = 0;
    auto listener = network.listen(server_loop, {"127.0.0.1", 0}, [&](std::unique_ptr<Connection> c) {
        auto& side = servers[static_cast<std::size_t>(accepted++)];
        side.connection = std::move(c);
        side.connection->set_handler(&side);
        side.connection->start_tls(side.context, Role::server);
    });
    ASSERT_TRUE(listener);
    for (int i = 0; i < rounds; ++i) {
        auto& server = servers[static_cast<std::size_t>(i)];
        auto& client = clients[static_cast<std::size_t>(i)];
        server.context = server_context, client.context = client_context;
        server.role = Role::server, client.role = Role::client;
        server.seed = random.next(), client.seed = random.next();
        server.over = client.over = &over;
        server.away = &other_loop;
        client.away = &other_loop;
        network.connect(client_loop, (*listener)->local(), Millis{100'000},
                        [&client](Result<std::unique_ptr<Connection>> c) {
                            ASSERT_TRUE(c) << c.error().detail;
                            client.connection = *std::move(c);
                            client.connection->set_handler(&client);
                            client.connection->start_tls(client.context, Role::client, "example.com");
                            client.connection->send("go");
                        });
    }
    // Most pairs end themselves; what still talks then is dropped with the loops.
    EXPECT_TRUE(over.wait(rounds));
    listener->reset();
    for (auto* loop : {&server_loop, &client_loop, &other_loop}) loop->stop(), loop->join();
}

TEST(Tls, OldVersionsAndCiphersAreRefused) {
    const TestIdentity identity("example.com");
    const auto old = identity.context();
    SSL_CTX_set_min_proto_version(old->native(), 0);
    SSL_CTX_set_max_proto_version(old->native(), TLS1_1_VERSION);
    const auto cbc = identity.context();
    SSL_CTX_set_max_proto_version(cbc->native(), TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(cbc->native(), "ECDHE-ECDSA-AES128-SHA256");
    for (const auto& client : {old, cbc}) {
        Pair pair;
        on_loop(pair.server_loop, [&] { pair.server.connection->start_tls(identity.context(), Role::server); });
        on_loop(pair.client_loop, [&] { pair.client.connection->start_tls(client, Role::client); });
        EXPECT_TRUE(pair.server.closed_event.wait());
        EXPECT_TRUE(pair.client.closed_event.wait());
    }
    // TLS 1.2 with AEAD is fine, and has a channel binding by its extended master secret.
    const auto middle = identity.context();
    SSL_CTX_set_max_proto_version(middle->native(), TLS1_2_VERSION);
    Pair pair;
    pair.secure(identity.context(), middle);
    on_loop(pair.client_loop, [&] {
        EXPECT_EQ(pair.client.connection->tls()->protocol, "TLSv1.2");
        EXPECT_EQ(pair.client.connection->channel_binding().size(), 32u);
    });
}

}  // namespace
}  // namespace parley::net
