#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/connection.hpp"
#include "tests/support/fake_executor.hpp"
#include "tests/support/memory_network.hpp"
#include "xml/parser.hpp"

namespace parley::test {

// Our end of one XML stream with the server: says what it is told to, byte by byte as written, and keeps what it hears.
class XmlEnd final : public net::Connection::Handler {
public:
    explicit XmlEnd(std::unique_ptr<net::Connection> connection) : connection_(std::move(connection)) {
        connection_->set_handler(this);
    }

    void say(std::string_view bytes) { connection_->send(bytes); }
    void secure(net::Connection::TlsRole role) {
        parser_.reset();
        connection_->start_tls(nullptr, role);
    }
    void begin_anew() { parser_.reset(); }  // after SASL
    void drop() { connection_->abort(); }
    bool is_closed() const { return closed_; }
    void stop_reading(bool stop) { connection_->pause_reading(stop); }
    std::size_t unsent() const { return connection_->unsent(); }
    bool secured() const { return connection_->tls() != nullptr; }

    std::deque<xml::Element> heard;
    // Deals with an element, or gives false so that it waits in `heard`.
    std::function<bool(const xml::Element&)> on_element = [](const xml::Element&) { return false; };
    std::function<void(const xml::Element&)> on_header = [](const xml::Element&) {};

private:
    void on_bytes(std::string_view bytes) override;
    void on_closed(const Error&) override { closed_ = true; }

    std::unique_ptr<net::Connection> connection_;
    xml::StreamParser parser_;
    bool closed_ = false;
};

// A client of one resource. Signs in over STARTTLS with SASL PLAIN; answers what any client answers without being told:
// requests for acknowledgements, and pings.
class Client {
public:
    // `address` is its own, so that its network alone can fail.
    Client(MemoryNetwork& world, FakeExecutor& executor, std::string user, std::string domain, std::string resource,
           std::string address);

    // Each gives what went wrong, "" when nothing did.
    std::string dial();          // TCP and the first stream header
    std::string secure();        // dial(), TLS, and the header after it
    std::string authenticate();  // dial(), TLS, SASL, and the header after it
    std::string connect();       // authenticate() and a resource
    std::string log_in();        // connect(), the roster, initial presence
    std::string enable_resumption();
    std::string resume();  // on a new connection

    void say(std::string_view bytes);
    void drop();
    void go_silent() { host_.go(true); }
    void stop_reading(bool stop);
    void stop_acknowledging(bool stop);  // once it begins again, it confirms all at once
    std::size_t unsent() const { return end_->unsent(); }
    bool is_closed() const { return !end_ || end_->is_closed(); }
    std::deque<xml::Element>& heard() { return heard_; }
    std::string jid() const { return user_ + '@' + domain_ + '/' + resource_; }
    void collect();  // moves what has come to heard()

private:
    struct Host {
        MemoryNetwork network;
        std::string address;
        void go(bool silent) { network.set_black_hole(address, silent); }
    };
    bool on_element(const xml::Element& element);
    void header();
    std::string expect(std::string_view name, xml::Element* got = nullptr);

    FakeExecutor& executor_;
    Host host_;
    std::string user_, domain_, resource_;
    std::unique_ptr<XmlEnd> end_, previous_;
    std::deque<xml::Element> heard_;
    std::string resume_id_;
    std::uint32_t handled_ = 0;
    bool managed_ = false;
    bool acknowledges_ = true;
};

// A foreign XMPP server for one domain: accepts our server's streams, opens one of its own when it has something to
// say, shows a certificate for its domain, and answers pings.
class PeerServer {
public:
    PeerServer(MemoryNetwork& world, FakeExecutor& executor, std::string domain, std::string address);
    ~PeerServer();

    // Stanzas as in life: namespace jabber:server is the stream's. `local` is our domain that is spoken to.
    std::string say(std::string_view bytes, const std::string& local);
    void share_streams() { shares_ = true; }  // asks for stanzas of ours on the streams that it opens (XEP-0288)
    std::size_t opened() const { return in_.size(); }  // by our server
    void drop();                                       // all streams
    void stop_reading(bool stop);
    bool is_closed() const { return !out_ || out_->is_closed(); }
    std::deque<xml::Element>& heard() { return heard_; }
    void collect();

private:
    void accepted(std::unique_ptr<net::Connection> connection);
    std::string open(const std::string& local);
    static std::string answer_to_ping(const xml::Element& element);

    FakeExecutor& executor_;
    MemoryNetwork network_;
    std::string domain_;
    std::unique_ptr<net::Listener> listener_;
    std::vector<std::unique_ptr<XmlEnd>> in_;  // what our server opened
    std::unique_ptr<XmlEnd> out_;
    std::string out_local_;
    bool shares_ = false;
    std::deque<xml::Element> heard_;
};

}  // namespace parley::test
