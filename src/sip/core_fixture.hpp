#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "sip/core.hpp"
#include "sip/framer.hpp"
#include "sip/header/tokens.hpp"

namespace parley::sip::test {

using namespace std::chrono_literals;

class FakeClock final : public Clock {
public:
    SteadyTime now() const override { return SteadyTime{} + time_; }
    TimePoint wall() const override { return TimePoint{} + 1'700'000'000s + time_; }
    void advance(Millis by) { time_ += by; }

private:
    Millis time_{1'000'000};
};

// The world around one core: what it sent, what it stored, what it told its user. Rows are taken at once unless `slow`.
struct World : Out, User {
    explicit World(std::uint64_t seed = 1) : random(seed) { start(); }

    void start() { core = std::make_unique<Core>(CoreConfig{}, clock, random, *this, *this); }
    // As after kill -9: only the rows are left.
    std::vector<Restored> restart() {
        core.reset();
        waiting.clear();
        sent.clear();
        start();
        std::vector<Restored> all;
        for (const auto& [key, row] : rows) {
            auto one = core->restore(row);
            EXPECT_TRUE(one);
            if (one) all.push_back(*one);
        }
        return all;
    }

    // ---- Out
    void send(LinkId link, std::string bytes) override { put({link, {}, {}, {}}, std::move(bytes)); }
    void send_to_domain(const std::string& domain, std::string bytes, ClientTransactionId id) override {
        put({{}, domain, id, {}}, std::move(bytes));
    }
    void persist(const std::string& key, std::string row, Function<void(bool)> done) override {
        log.push_back("persist");
        waiting.push_back([this, key, row = std::move(row), done = std::move(done)] {
            if (disk_ok) rows[key] = row;
            if (done) done(disk_ok);
        });
    }
    void forget(const std::string& key) override {
        log.push_back("forget");
        waiting.push_back([this, key] { rows.erase(key); });
    }

    // ---- User
    PeerSettings peer(std::string_view domain) override {
        return {true, domain == "contoso.com" ? 7200s : 3600s, 3600s};
    }
    std::uint16_t slot_token(const Uri&) override { return 0x03ff; }
    Admission admit(LinkId, const Message&) override { return {refuse, refuse_words}; }
    void on_subscribe(UsageId id, const SubscribeInfo& info) override {
        log.push_back("subscribe " + info.party.remote.aor() + " " + std::to_string(info.granted.count()) +
                      (info.look_up ? " look-up" : ""));
        usage = id;
    }
    void on_watcher_gone(UsageId, const WatcherEnd& end) override {
        log.push_back("watcher gone " + std::to_string(static_cast<int>(end.why)));
    }
    int on_notify(UsageId id, const NotifyInfo& info) override {
        log.push_back("notify " + info.state.to_string() + " " + info.body.text);
        usage = id;
        return notify_status;
    }
    void on_subscribe_answer(UsageId, int, bool) override {}
    void on_subscription_end(UsageId, const SubscriptionEnd& end) override {
        log.push_back("subscription end " + std::to_string(static_cast<int>(end.next)) + " " +
                      std::to_string(end.status) + " " + end.reason);
    }
    void on_session_request(UsageId id, const SessionRequest& request) override {
        log.push_back("session request " + request.party.remote.aor() + (request.replaces ? " replaces" : ""));
        usage = id;
    }
    void on_session_open(UsageId, const std::vector<std::string>& types) override {
        log.push_back("session open" + (types.empty() ? "" : " " + types.front()));
    }
    void on_session_end(UsageId, const SessionEnd& end) override {
        log.push_back("session end " + std::to_string(static_cast<int>(end.why)) + " " + std::to_string(end.status));
        last_end = end;
    }
    void on_unwanted(const Party& party, Unwanted wanted) override {
        const std::string_view names[] = {"group", "call", "file"};
        log.push_back("unwanted " + std::string(names[static_cast<int>(wanted)]) + " " + party.remote.aor());
    }
    int on_info(UsageId, const Body& body) override {
        log.push_back("info " + body.type);
        return 200;
    }
    void on_text(ServerTransactionId id, const IncomingText& text) override {
        log.push_back("text " + text.body.text + (text.session ? "" : " pager"));
        asked = id;
        origin = text.origin;
    }
    void on_text_outcome(MessageId, const Outcome& outcome) override {
        log.push_back("outcome " + std::to_string(outcome.status) + (outcome.local ? " local" : "") +
                      (outcome.sent ? "" : " never sent"));
    }

    // ---- for tests
    struct Sent {
        LinkId link;
        std::string domain;
        ClientTransactionId id;
        Message message;
    };
    void settle() {
        while (!waiting.empty()) {
            auto work = std::move(waiting.front());
            waiting.pop_front();
            work();
        }
    }
    void advance(Millis by) {
        clock.advance(by);
        core->on_time();
        settle();
    }
    // Text with LF line ends; Content-Length is computed, as is what stands in braces.
    void receive(std::string_view text, LinkId link = LinkId{1}) {
        std::string bytes;
        for (const char c : text) bytes.append(c == '\n' ? "\r\n" : std::string(1, c));
        if (bytes.find("\r\n\r\n") == std::string::npos) bytes += "\r\n\r\n";
        const auto body = bytes.size() - bytes.find("\r\n\r\n") - 4;
        bytes.insert(bytes.find("\r\n\r\n"), "\r\nContent-Length: " + std::to_string(body));
        Framer framer;
        framer.feed(bytes);
        const auto item = framer.next();
        ASSERT_EQ(item.kind, Framer::Item::Kind::message) << bytes;
        auto parsed = parse_message(item.bytes);
        ASSERT_TRUE(parsed) << bytes;
        core->on_message(link, *std::move(parsed));
        settle();
    }
    // Answers the newest request of ours of that method.
    void answer(std::string_view method, int status, std::string_view more = {}, std::string_view tag = "theirs") {
        const auto* request = last(method);
        ASSERT_TRUE(request) << method;
        std::string text = "SIP/2.0 " + std::to_string(status) + " x\n";
        for (const auto id : {HeaderId::via, HeaderId::from, HeaderId::call_id, HeaderId::cseq})
            text.append(to_string(id)).append(": ").append(request->message.header(id)).append("\n");
        const std::string to(request->message.header(HeaderId::to));
        text.append("To: ").append(to);
        if (to.find(";tag=") == std::string::npos && status > 100) text.append(";tag=").append(tag);
        text.append("\n").append(more);
        receive(text);
    }
    const Sent* last(std::string_view method) const {
        for (auto it = sent.rbegin(); it != sent.rend(); ++it)
            if (it->message.is_request() && it->message.method_text() == method) return &*it;
        return nullptr;
    }
    std::size_t count(std::string_view method) const {
        std::size_t n = 0;
        for (const auto& one : sent) n += one.message.is_request() && one.message.method_text() == method;
        return n;
    }
    int last_status() const {
        for (auto it = sent.rbegin(); it != sent.rend(); ++it)
            if (!it->message.is_request()) return it->message.status();
        return 0;
    }
    const Message& response() const {
        for (auto it = sent.rbegin(); it != sent.rend(); ++it)
            if (!it->message.is_request()) return it->message;
        ADD_FAILURE() << "no response";
        static const Message none;
        return none;
    }
    bool heard(std::string_view line) const {
        for (const auto& one : log)
            if (one == line) return true;
        return false;
    }
    void put(Sent one, std::string bytes) {
        auto parsed = parse_message(bytes);
        if (!parsed && bytes.starts_with("SIP/2.0 ")) {  // the answer to a broken request echoes what is broken
            const auto line = bytes.substr(0, bytes.find("\r\n"));
            one.message = Message::response(parse_number<int>(line.substr(8, 3)).value_or(0), line.substr(12));
        } else {
            ASSERT_TRUE(parsed && !parsed->problem) << bytes;
            ASSERT_EQ(parsed->message.serialise(), bytes);
            one.message = std::move(parsed->message);
        }
        log.push_back("send " + (one.message.is_request() ? std::string(one.message.method_text())
                                                          : std::to_string(one.message.status())));
        sent.push_back(std::move(one));
    }

    FakeClock clock;
    SeededRandom random;
    std::map<std::string, std::string> rows;
    std::deque<Function<void()>> waiting;
    std::vector<Sent> sent;
    std::vector<std::string> log;
    std::unique_ptr<Core> core;
    UsageId usage;
    ServerTransactionId asked;
    std::string origin;
    SessionEnd last_end;
    int refuse = 0, notify_status = 200;
    std::string refuse_words;
    bool disk_ok = true;
};

}  // namespace parley::sip::test
