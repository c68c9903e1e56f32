#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "net/certificate.hpp"
#include "net/event_loop.hpp"
#include "net/socket_network.hpp"
#include "net/tls_context.hpp"

// What the tests with real sockets share. Every wait has a deadline, wide enough for a sanitizer on a busy machine;
// none sleeps.
namespace parley::net {

inline constexpr std::chrono::seconds test_deadline{120};

// Runs `work` on the loop and waits for it.
template <class F>
auto on_loop(EventLoop& loop, F work) {
    using R = decltype(work());
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    std::conditional_t<std::is_void_v<R>, int, std::optional<R>> result{};
    loop.post([&] {
        if constexpr (std::is_void_v<R>)
            work();
        else
            result.emplace(work());
        const std::lock_guard lock(mutex);
        done = true;
        changed.notify_all();
    });
    std::unique_lock lock(mutex);
    if (!changed.wait_for(lock, test_deadline, [&] { return done; })) {
        ADD_FAILURE() << "the loop did not answer in time";
        std::abort();  // the lambda still points to our stack
    }
    if constexpr (!std::is_void_v<R>) return std::move(*result);
}

// Something that happens on loops and that the test waits for.
class Event {
public:
    void set() {
        const std::lock_guard lock(mutex_);
        ++count_;
        changed_.notify_all();
    }
    bool wait(int count = 1) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, test_deadline, [&] { return count_ >= count; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int count_ = 0;
};

// One end of a connection. Members are used on its loop.
struct Peer : Connection::Handler {
    std::unique_ptr<Connection> connection;
    std::string received;
    std::size_t received_bytes = 0;
    bool keep_bytes = true;
    bool echo = false;
    std::optional<Error> closed;
    int drained = 0;
    Event secured_event, closed_event, bytes_event;
    std::function<void(std::string_view)> bytes_hook;
    std::function<void()> secured_hook, drained_hook, closed_hook;

    void take(std::unique_ptr<Connection> c) {
        connection = std::move(c);
        connection->set_handler(this);
    }
    void on_bytes(std::string_view bytes) override {
        received_bytes += bytes.size();
        if (keep_bytes) received += bytes;
        if (echo) connection->send(bytes);
        if (bytes_hook) bytes_hook(bytes);
        bytes_event.set();
    }
    void on_secured() override {
        if (secured_hook) secured_hook();
        secured_event.set();
    }
    void on_drained() override {
        ++drained;
        if (drained_hook) drained_hook();
    }
    void on_closed(const Error& why) override {
        closed = why;
        if (closed_hook) closed_hook();
        closed_event.set();
    }
};

// A loop for each side, a listener, and the two ends of one connection.
struct Pair {
    EventLoop server_loop, client_loop;
    SocketNetwork network;
    std::unique_ptr<Listener> listener;
    Peer server, client;
    Event accepted;

    Pair() {
        server_loop.start();
        client_loop.start();
        auto listening = network.listen(server_loop, {"127.0.0.1", 0}, [this](std::unique_ptr<Connection> c) {
            server.take(std::move(c));
            accepted.set();
        });
        EXPECT_TRUE(listening) << listening.error().detail;
        listener = *std::move(listening);
        Event connected;
        network.connect(client_loop, listener->local(), Millis{10'000}, [&](Result<std::unique_ptr<Connection>> c) {
            EXPECT_TRUE(c) << c.error().detail;
            client.take(*std::move(c));
            connected.set();
        });
        EXPECT_TRUE(connected.wait());
        EXPECT_TRUE(accepted.wait());
    }
    ~Pair() {
        on_loop(server_loop, [&] { server.connection.reset(); });
        on_loop(client_loop, [&] { client.connection.reset(); });
    }
    void secure(const std::shared_ptr<TlsContext>& server_context, const std::shared_ptr<TlsContext>& client_context,
                const std::string& name = "example.com") {
        on_loop(server_loop,
                [&] { server.connection->start_tls(server_context, Connection::TlsRole::server, std::string()); });
        on_loop(client_loop, [&] { client.connection->start_tls(client_context, Connection::TlsRole::client, name); });
        EXPECT_TRUE(server.secured_event.wait());
        EXPECT_TRUE(client.secured_event.wait());
    }
    // Waits on `peer`'s loop until `done` says true; asked again after each of its bytes and its end.
    bool wait_for(EventLoop& loop, Peer& peer, const std::function<bool()>& done) {
        for (int seen = 1;; ++seen) {
            if (on_loop(loop, done)) return true;
            if (!peer.bytes_event.wait(seen)) return false;
        }
    }
};

// A folder of its own for the files of one test.
class Folder {
public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "parley-net-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    std::string operator/(const std::string& name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

// A self-signed certificate and the contexts that use it.
struct TestIdentity {
    Folder folder;
    std::string certificate = folder / "certificate.pem", key = folder / "key.pem";

    explicit TestIdentity(SelfSignedSettings settings) {
        settings.certificate_file = certificate;
        settings.key_file = key;
        const auto made = make_self_signed(settings);
        EXPECT_TRUE(made) << made.error().detail;
    }
    explicit TestIdentity(const std::string& domain) : TestIdentity(SelfSignedSettings{{domain}, {}, {}}) {}

    std::shared_ptr<TlsContext> context(const std::string& trust = {}, std::vector<std::string> alpn = {}) const {
        TlsSettings settings{certificate, key, trust, false};
        settings.alpn = std::move(alpn);
        settings.check_dates = false;
        auto loaded = TlsContext::load(settings);
        EXPECT_TRUE(loaded) << loaded.error().detail;
        return *std::move(loaded);
    }
};

// A client without a certificate.
inline std::shared_ptr<TlsContext> anonymous(const std::string& trust = {}) {
    TlsSettings settings;
    settings.trust_file = trust;
    settings.trust_system = false;
    return *TlsContext::load(settings);
}

}  // namespace parley::net
