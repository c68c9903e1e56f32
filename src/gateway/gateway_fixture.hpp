#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/sip_gateway.hpp"
#include "sip/framer.hpp"
#include "sip/header/name_addr.hpp"
#include "tests/support/fake_executor.hpp"
#include "tests/support/memory_network.hpp"
#include "xmpp/stanza_error.hpp"

namespace parley::gateway::test {

using namespace std::chrono_literals;
using parley::test::FakeExecutor;
using parley::test::MemoryNetwork;

inline xmpp::Jid jid(std::string_view text) {
    return *xmpp::Jid::parse(text);
}

// Our server, as the gateway sees it: keeps what the gateway hands over, and settles it when the test says so.
struct FakeRouter final : im::Router {
    struct Got {
        std::string text;  // the stanza as XML
        im::Envelope envelope;
        std::shared_ptr<im::Settled> settled;  // null for what nobody acknowledges
    };
    void route(im::Envelope envelope, im::Settled settled) override {
        auto shared = std::make_shared<im::Settled>(std::move(settled));
        keep(std::move(envelope), shared);
        if (settle_at_once) (*shared)(im::accepted);
    }
    void send(im::Envelope envelope) override { keep(std::move(envelope), nullptr); }
    bool is_local(std::string_view domain) const override { return domain == "example.com"; }
    bool available(const xmpp::Jid& user) const override { return online.contains(user.bare()); }
    bool shows_xhtml(const xmpp::Jid&) const override { return rich; }
    void reception(const xmpp::Jid& user, const xmpp::Jid&, Function<void(Result<im::Reception>)> then) override {
        const auto known = receptions.find(user.bare());
        then(known == receptions.end() ? Result<im::Reception>(im::Reception::open) : known->second);
    }
    void keep(im::Envelope envelope, std::shared_ptr<im::Settled> settled) {
        std::string text;
        xmpp::write(text, *envelope.stanza, "jabber:client", &envelope.to);
        got.push_back({std::move(text), std::move(envelope), std::move(settled)});
    }
    // The newest stanza that holds this text, taken out; nullptr if there is none.
    const Got* find(std::string_view text) const {
        for (auto it = got.rbegin(); it != got.rend(); ++it)
            if (it->text.find(text) != std::string::npos) return &*it;
        return nullptr;
    }
    std::deque<Got> got;
    bool rich = false;  // every client shows XHTML-IM
    std::set<xmpp::Jid> online;
    std::map<xmpp::Jid, Result<im::Reception>> receptions;  // of others than those who take messages
    bool settle_at_once = true;
};

struct FakeDialogs final : storage::DialogStore {
    FakeDialogs(FakeExecutor& executor_, std::map<std::string, storage::DialogRow>& rows_)
        : executor(executor_), rows(rows_) {}
    void put(storage::DialogRow row, storage::Done<> done) override {
        executor.post([this, row = std::move(row), done = std::move(done)] {
            rows[row.key] = row;
            if (done) done(Result<>{});
        });
    }
    void remove(std::uint16_t, std::string key, storage::Done<> done) override {
        executor.post([this, key = std::move(key), done = std::move(done)] {
            rows.erase(key);
            if (done) done(Result<>{});
        });
    }
    void load(std::uint16_t first, std::uint16_t last, storage::Done<std::vector<storage::DialogRow>> done) override {
        std::vector<storage::DialogRow> found;
        for (const auto& [key, row] : rows)
            if (row.slot >= first && row.slot <= last) found.push_back(row);
        executor.post([found = std::move(found), done = std::move(done)]() mutable { done(std::move(found)); });
    }
    FakeExecutor& executor;
    std::map<std::string, storage::DialogRow>& rows;
};

// The partner's SIP server, scripted: says what the test tells it to, keeps what it hears.
struct Peer final : net::Connection::Handler {
    explicit Peer(MemoryNetwork& network_, FakeExecutor& executor_) : network(network_), executor(executor_) {}

    void listen(std::uint16_t port, bool tls = false) {
        auto made = network.listen(executor, {"10.0.0.2", port}, [this, tls](std::unique_ptr<net::Connection> c) {
            connection = std::move(c);
            ++accepted;
            if (tls) connection->start_tls(nullptr, net::Connection::TlsRole::server);
            connection->set_handler(this);
        });
        ASSERT_TRUE(made);
        listener = *std::move(made);
    }
    void connect(std::uint16_t port, bool tls = false) {
        network.connect(executor, {"10.0.0.1", port}, 1s, [this, tls](Result<std::unique_ptr<net::Connection>> c) {
            ASSERT_TRUE(c);
            connection = *std::move(c);
            if (tls) connection->start_tls(nullptr, net::Connection::TlsRole::client);
            connection->set_handler(this);
        });
        executor.run_until_idle();
    }
    void on_bytes(std::string_view bytes) override {
        framer.feed(bytes);
        for (;;) {
            const auto item = framer.next();
            if (item.kind != sip::Framer::Item::Kind::message) break;
            raw.emplace_back(item.bytes);
            auto parsed = sip::parse_message(item.bytes);
            ASSERT_TRUE(parsed) << item.bytes;
            heard.push_back(parsed->message);
        }
    }
    void on_closed(const Error&) override { ++closed; }

    // LF line ends; Content-Length is added.
    void say(std::string_view text) {
        ASSERT_TRUE(connection);
        std::string head(text), body;
        if (const auto at = head.find("\n\n"); at != std::string::npos) {
            body = head.substr(at + 2);
            head.resize(at + 1);
        }
        std::string bytes;
        for (const char c : head) bytes.append(c == '\n' ? "\r\n" : std::string(1, c));
        connection->send(bytes + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
        executor.run_until_idle();
    }
    // Answers the newest request of that method.
    void answer(std::string_view method, int status, std::string_view more = {}) {
        const auto* request = last(method);
        ASSERT_TRUE(request) << method;
        std::string text = "SIP/2.0 " + std::to_string(status) + " x\n";
        for (const auto id : {sip::HeaderId::via, sip::HeaderId::from, sip::HeaderId::call_id, sip::HeaderId::cseq})
            text.append(sip::to_string(id)).append(": ").append(request->header(id)).append("\n");
        text.append("To: ").append(request->header(sip::HeaderId::to));
        if (text.rfind(";tag=") < text.rfind("To: ") || text.rfind(";tag=") == std::string::npos)
            text.append(";tag=theirs");
        text.append("\n").append(more);
        say(text);
    }
    const sip::Message* last(std::string_view method) const {
        for (auto it = heard.rbegin(); it != heard.rend(); ++it)
            if (it->is_request() && it->method_text() == method) return &*it;
        return nullptr;
    }
    std::size_t count(std::string_view method) const {
        std::size_t n = 0;
        for (const auto& message : heard) n += message.is_request() && message.method_text() == method;
        return n;
    }
    const sip::Message* response() const {
        for (auto it = heard.rbegin(); it != heard.rend(); ++it)
            if (!it->is_request()) return &*it;
        return nullptr;
    }
    int last_status() const { return response() ? response()->status() : 0; }

    MemoryNetwork& network;
    FakeExecutor& executor;
    std::unique_ptr<net::Listener> listener;
    std::unique_ptr<net::Connection> connection;
    sip::Framer framer;
    std::vector<std::string> raw;
    std::vector<sip::Message> heard;
    int accepted = 0, closed = 0;
};

// One process with a SIP gateway of several shards, and one partner.
struct World {
    explicit World(std::string profile = "simple", bool tls = false) {
        auto fresh = std::make_shared<SipSettings>();
        fresh->domains["example.com"] = nullptr;
        im::DomainRule rule;
        rule.domain = "sip.example.net";
        rule.transport = im::Transport::sip;
        rule.profile = std::move(profile);
        rule.next_hop = "10.0.0.2:5060";
        rule.next_hop_tls = tls;
        fresh->policy.rules[rule.domain] = rule;
        settings = fresh;
        start();
        peer.listen(5060, tls);
    }
    ~World() { stop(); }
    void start() {
        gateway = std::make_unique<SipGateway>(network, random, [this] { return settings; });
        for (auto& shard : shards) {
            shard.dialogs = std::make_unique<FakeDialogs>(executor, rows);
            shard.domains = &gateway->add_shard({executor, router, *shard.dialogs});
        }
        bool ready = false;
        gateway->start([&](Result<> result) { ready = result.has_value(); });
        executor.run_until_idle();
        ASSERT_TRUE(ready);
        ASSERT_TRUE(gateway->listen({"10.0.0.1", 5060}, false));
    }
    void stop() {
        peer.connection.reset();
        gateway->stop_listening();
        for (std::size_t i = 0; i < gateway->shards(); ++i) gateway->shut_down(i);
        executor.run_until_idle();
        gateway.reset();
    }
    // As after kill -9: only the rows are left.
    void restart() {
        gateway.reset();
        executor.run_until_idle();
        router.got.clear();
        start();
    }

    // On the shard of that user, as our server would.
    void deliver(xmpp::Stanza stanza, std::string origin = {}) {
        auto& shard = shards[cluster::slot_of(stanza.from) * 2 / cluster::slots];
        auto envelope = im::envelope(std::move(stanza));
        envelope.origin = std::move(origin);
        shard.domains->deliver(std::move(envelope), [this](im::Outcome outcome) {
            outcomes.push_back(outcome ? outcome->condition : "accepted");
        });
        executor.run_until_idle();
    }
    xmpp::Stanza stanza(xmpp::Stanza::Kind kind, std::string_view type, std::string_view from = "alice@example.com/a",
                        std::string_view to = "bob@sip.example.net") {
        xmpp::Stanza result;
        result.kind = kind;
        result.type = type;
        result.from = jid(from);
        result.to = jid(to);
        return result;
    }
    void presence(std::string_view type, std::string_view from = "alice@example.com/a") {
        deliver(stanza(xmpp::Stanza::Kind::presence, type, from));
    }
    void message(std::string_view body, std::string origin = {}) {
        auto text = stanza(xmpp::Stanza::Kind::message, "chat");
        text.add(xml::Element("jabber:client", "body")).add_text(body);
        deliver(std::move(text), std::move(origin));
    }
    std::string request(std::string_view method, std::string_view cseq, std::string_view to_tag = {},
                        std::string_view more = {}, std::string_view from = "bob@sip.example.net",
                        std::string_view call_id = "c1") {
        std::string text(method);
        text.append(" sip:alice@example.com SIP/2.0\nVia: SIP/2.0/TCP 10.0.0.2:5060;branch=z9hG4bK")
            .append(cseq)
            .append(method)
            .append(call_id)
            .append("\nMax-Forwards: 70\nFrom: <sip:")
            .append(from)
            .append(">;tag=b1\nTo: <sip:alice@example.com>");
        if (!to_tag.empty()) text.append(";tag=").append(to_tag);
        text.append("\nCall-ID: ").append(call_id).append("\nCSeq: ").append(cseq).append(" ").append(method);
        text.append("\nContact: <sip:bob@10.0.0.2:5060;transport=tcp>\n").append(more);
        return text;
    }

    FakeExecutor executor;
    MemoryNetwork network;
    MemoryNetwork partner{network, "10.0.0.2"};
    SeededRandom random{7};
    FakeRouter router;
    std::map<std::string, storage::DialogRow> rows;
    std::shared_ptr<const SipSettings> settings;
    struct ShardParts {
        std::unique_ptr<FakeDialogs> dialogs;
        SipDomains* domains = nullptr;
    };
    std::vector<ShardParts> shards{2};
    std::unique_ptr<SipGateway> gateway;
    Peer peer{partner, executor};
    std::vector<std::string> outcomes;
};

}  // namespace parley::gateway::test
