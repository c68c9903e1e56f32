#pragma once

#include <algorithm>
#include <map>
#include <set>

#include "gateway/gateway_fixture.hpp"
#include "sip/header/subscription_state.hpp"

namespace parley::gateway::test {

// A partner with many people, found by its SRV record, over "TLS": accepts each subscription, tells each state once,
// and counts what it is asked. It can be restarted with and without its memory.
class Crowd {
public:
    explicit Crowd(MemoryNetwork& network, FakeExecutor& executor) : network_(network), executor_(executor) {}

    struct End final : net::Connection::Handler {
        End(Crowd& crowd_, std::unique_ptr<net::Connection> connection_)
            : crowd(crowd_), connection(std::move(connection_)) {
            connection->start_tls(nullptr, net::Connection::TlsRole::server);
            connection->set_handler(this);
        }
        void on_bytes(std::string_view bytes) override {
            framer.feed(bytes);
            for (;;) {
                const auto item = framer.next();
                if (item.kind != sip::Framer::Item::Kind::message) break;
                const auto parsed = sip::parse_message(item.bytes);
                ASSERT_TRUE(parsed) << item.bytes;
                crowd.on_message(*this, parsed->message);
            }
        }
        void on_closed(const Error&) override { open = false; }
        Crowd& crowd;
        std::unique_ptr<net::Connection> connection;
        sip::Framer framer;
        bool open = true;
    };
    struct Dialog {
        std::string from, to, call_id, target;  // of our requests in it
        int cseq = 0;
    };

    void listen(std::uint16_t port = 5061) {
        auto made = network_.listen(executor_, {"10.0.0.2", port}, [this](std::unique_ptr<net::Connection> c) {
            ends_.push_back(std::make_unique<End>(*this, std::move(c)));
        });
        ASSERT_TRUE(made);
        listener_ = *std::move(made);
    }
    void close_connections() {
        const auto closing = std::exchange(ends_, {});  // new ones may come at once
        for (const auto& end : closing)
            if (end->open) end->connection->close();
        executor_.run_until_idle();
    }
    void go_down(bool forget) {
        listener_.reset();
        close_connections();
        if (forget) dialogs.clear();
    }

    // A NOTIFY in each dialog; what was answered is in `answers`.
    void notify_all(std::string_view basic = "open") {
        answers.clear();
        for (auto& [id, dialog] : dialogs) notify(dialog, basic);
        executor_.advance(30s);
    }
    void notify(Dialog& dialog, std::string_view basic, std::string_view state = "active;expires=7200") {
        ASSERT_FALSE(ends_.empty());
        const auto user = dialog.from.substr(0, dialog.from.find(";tag="));
        std::string body(
            "<?xml version='1.0'?><presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:x'><tuple id='0'><status>"
            "<basic>");
        body.append(basic).append("</basic></status></tuple></presence>");
        send(*ends_.back(),
             "NOTIFY " + dialog.target + " SIP/2.0\r\nVia: SIP/2.0/TLS 10.0.0.2:5061;branch=z9hG4bKn" +
                 std::to_string(++branch_) + "\r\nMax-Forwards: 70\r\nFrom: " + dialog.from + "\r\nTo: " + dialog.to +
                 "\r\nCall-ID: " + dialog.call_id + "\r\nCSeq: " + std::to_string(++dialog.cseq) +
                 " NOTIFY\r\nEvent: presence\r\nSubscription-State: " + std::string(state) +
                 "\r\nContact: <sip:x@10.0.0.2:5061;transport=tls>\r\n" + "Content-Type: application/pidf+xml\r\n",
             body);
    }

    std::size_t initial = 0, refreshes = 0, unknown = 0;  // SUBSCRIBEs
    std::size_t notified = 0;                             // NOTIFYs that came
    std::map<std::string, SteadyTime> fresh;              // "watcher person": when it was subscribed last
    std::set<std::string> people;                         // who was asked for
    std::vector<SteadyTime> requests;                     // every request that came
    std::map<int, int> answers;                           // to our NOTIFYs, by status
    std::map<std::string, Dialog> dialogs;                // by Call-ID
    std::set<std::string> methods;                        // that came
    std::string last_notify;                              // body of the newest that came
    int silent_for = 0;                                   // so many requests are not answered
    int answer_with = 200;                                // to an initial SUBSCRIBE

    void reset_counts() {
        initial = refreshes = unknown = notified = 0;
        fresh.clear();
        people.clear();
        requests.clear();
        answers.clear();
    }
    // The most requests that came within one second.
    std::size_t busiest_second() const {
        std::size_t most = 0, first = 0;
        for (std::size_t last = 0; last < requests.size(); ++last) {
            while (requests[last] - requests[first] >= 1s) ++first;
            most = std::max(most, last - first + 1);
        }
        return most;
    }

private:
    void send(End& end, std::string head, const std::string& body = {}) {
        head += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
        end.connection->send(head);
    }
    void on_message(End& end, const sip::Message& m) {
        if (!m.is_request()) {
            ++answers[m.status()];
            return;
        }
        requests.push_back(executor_.clock().now());
        methods.emplace(m.method_text());
        if (silent_for > 0) {
            --silent_for;
            return;
        }
        if (m.method() == sip::Method::notify) {
            ++notified;
            last_notify = m.body();
        }
        if (m.method() == sip::Method::invite) return answer(end, m, 480);
        if (m.method() == sip::Method::ack) return;
        if (m.method() != sip::Method::subscribe) return answer(end, m, 200);
        const auto from = *sip::parse_name_addr(m.header(sip::HeaderId::from));
        const auto to = *sip::parse_name_addr(m.header(sip::HeaderId::to));
        const std::string call_id(m.header(sip::HeaderId::call_id));
        people.insert(to.uri.aor());
        if (!to.tag().empty()) {
            ++refreshes;
            if (!dialogs.contains(call_id)) {
                ++unknown;
                return answer(end, m, 481);
            }
        } else {
            ++initial;
            if (answer_with >= 300) return answer(end, m, answer_with);
            const auto contact = *sip::parse_name_addr(m.header(sip::HeaderId::contact));
            dialogs[call_id] = {"<" + to.uri.text() + ">;tag=t" + call_id, std::string(m.header(sip::HeaderId::from)),
                                call_id, contact.uri.text(), 0};
        }
        answer(end, m, 200, "Expires: 7200\r\nContact: <sip:x@10.0.0.2:5061;transport=tls>\r\n");
        fresh[from.uri.aor() + " " + to.uri.aor()] = executor_.clock().now();
        auto& dialog = dialogs[call_id];
        if (m.header(sip::HeaderId::expires) == "0")
            dialogs.erase(call_id);
        else
            notify(dialog, "open");
    }
    void answer(End& end, const sip::Message& request, int status, std::string_view more = {}) {
        std::string text = "SIP/2.0 " + std::to_string(status) + " x\r\n";
        for (const auto id : {sip::HeaderId::via, sip::HeaderId::from, sip::HeaderId::call_id, sip::HeaderId::cseq})
            text.append(sip::to_string(id)).append(": ").append(request.header(id)).append("\r\n");
        const std::string to(request.header(sip::HeaderId::to));
        text += "To: " + to;
        if (to.find(";tag=") == std::string::npos) text.append(";tag=t").append(request.header(sip::HeaderId::call_id));
        send(end, text.append("\r\n").append(more));
    }

    MemoryNetwork& network_;
    FakeExecutor& executor_;
    std::unique_ptr<net::Listener> listener_;
    std::vector<std::unique_ptr<End>> ends_;
    int branch_ = 0;
};

// Our gateway and such a partner of the kind "ocs".
struct CrowdWorld : World {
    explicit CrowdWorld(bool trusted = true) : World("ocs", true) {
        peer.listener.reset();
        trust(trusted);
        network.dns().srv["_sipfederationtls._tcp.sip.example.net"] = {{0, 0, 5061, "edge.example.net"}};
        network.dns().host["edge.example.net"] = {"10.0.0.2"};
        partner.set_certificate(named("edge.example.net"));
        network.set_certificate(named("example.com"));
        crowd.listen();
    }
    ~CrowdWorld() { crowd.go_down(true); }
    static net::PeerCertificate named(const std::string& name) {
        net::PeerCertificate result;
        result.trusted = true;
        result.dns_names = {name};
        return result;
    }
    void trust(bool trusted) {
        auto changed = std::make_shared<SipSettings>(*settings);
        static const auto context = *net::TlsContext::load({.trust_system = false});
        changed->domains["example.com"] = context;
        auto& rule = changed->policy.rules["sip.example.net"];
        rule.next_hop.clear();
        rule.trusted_by_partner = trusted;
        settings = changed;
    }
    static std::string watcher(std::size_t i) { return "u" + std::to_string(i) + "@example.com"; }
    static std::string person(std::size_t i) { return "p" + std::to_string(i) + "@sip.example.net"; }
    // So many of ours watch so many of theirs each; a "probe" says that the permission is an old one.
    void watch(std::size_t users, std::size_t each, std::string_view type = "subscribe") {
        for (std::size_t u = 0; u < users; ++u)
            for (std::size_t p = 0; p < each; ++p)
                post(stanza(xmpp::Stanza::Kind::presence, type, watcher(u) + "/a", person(p)));
        executor.run_until_idle();
    }
    void post(xmpp::Stanza stanza) {
        auto& shard = shards[cluster::slot_of(stanza.from) * 2 / cluster::slots];
        shard.domains->deliver(im::envelope(std::move(stanza)), [](im::Outcome) {});
    }

    Crowd crowd{partner, executor};
};

}  // namespace parley::gateway::test
