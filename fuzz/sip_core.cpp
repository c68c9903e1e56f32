// A peer, a user, a disk and a clock that do what the input says, around one core. Whatever they do: what the core
// sends parses, its CSeq numbers of one dialog never go back (also over restarts), no dialog is answered before its row
// is stored, and no wake-up is asked for in the past.
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <map>
#include <set>
#include <string>

#include "base/text.hpp"
#include "sip/core.hpp"
#include "sip/header/cseq.hpp"

namespace {

using namespace parley;
using namespace parley::sip;

void require(bool condition) {
    if (!condition) std::abort();
}

class Input {
public:
    Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
    bool empty() const { return size_ == 0; }
    unsigned take(unsigned bound) {
        if (size_ == 0) return 0;
        --size_;
        return *data_++ % bound;
    }

private:
    const std::uint8_t* data_;
    std::size_t size_;
};

struct World final : Out, User, Clock {
    explicit World(Input input_) : input(input_) { start(); }
    void start() { core = std::make_unique<Core>(CoreConfig{}, *this, random, *this, *this); }

    SteadyTime now() const override { return SteadyTime{} + time; }
    TimePoint wall() const override { return TimePoint{} + time; }

    void send(LinkId, std::string bytes) override {
        const auto parsed = parse_message(bytes);
        if (!parsed) return;  // a 400 that echoes what is broken
        const auto& m = parsed->message;
        require(!m.is_request());
        // 200 to their SUBSCRIBE or INVITE: the row is there. (A re-INVITE in a session that we opened makes no
        // dialog.)
        const auto to = parse_name_addr(m.header(HeaderId::to));
        if (m.status() == 200 && m.has(HeaderId::contact) && m.header(HeaderId::expires) != "0" && to &&
            !called.contains(std::string(to->tag())))
            require(rows.contains(std::string(to->tag())));
    }
    void send_to_domain(const std::string& domain, std::string bytes, ClientTransactionId id) override {
        const auto parsed = parse_message(bytes);
        require(parsed && !parsed->problem && parsed->message.is_request() && !domain.empty());
        const auto& m = parsed->message;
        const auto from = parse_name_addr(m.header(HeaderId::from));
        const auto cseq = parse_cseq(m.header(HeaderId::cseq));
        require(from && cseq && from->params.has("tag"));
        if (m.method() == Method::invite) called.insert(std::string(from->tag()));
        if (m.method() != Method::ack && m.method() != Method::cancel) {
            auto& last = cseqs[std::string(from->tag()) + std::string(m.header(HeaderId::to))];
            require(cseq->number > last);
            last = cseq->number;
        }
        sent.push_back(m);
        if (sent.size() > 20) sent.pop_front();
        if (id) open.push_back(id);
        if (open.size() > 20) open.pop_front();
    }
    void persist(const std::string& key, std::string row, Function<void(bool)> done) override {
        const bool ok = input.take(16) != 1;
        waiting.push_back([this, key, row = std::move(row), done = std::move(done), ok] {
            if (ok) rows[key] = row;
            if (done) done(ok);
        });
    }
    void forget(const std::string& key) override {
        waiting.push_back([this, key] { rows.erase(key); });
    }

    PeerSettings peer(std::string_view) override { return {}; }
    std::uint16_t slot_token(const Uri&) override { return 7; }
    Admission admit(LinkId, const Message&) override {
        return input.take(32) == 1 ? Admission{403, "not allowed \"here\""} : Admission{};
    }
    void on_subscribe(UsageId id, const SubscribeInfo&) override { remember(id); }
    void on_watcher_gone(UsageId, const WatcherEnd&) override {}
    int on_notify(UsageId, const NotifyInfo&) override { return input.take(8) == 1 ? 415 : 200; }
    void on_subscribe_answer(UsageId, int, bool) override {}
    void on_subscription_end(UsageId, const SubscriptionEnd&) override {}
    void on_session_request(UsageId id, const SessionRequest&) override { remember(id); }
    void on_session_open(UsageId, const std::vector<std::string>&) override {}
    void on_session_end(UsageId, const SessionEnd&) override {}
    void on_unwanted(const Party&, Unwanted) override {}
    int on_info(UsageId id, const Body&) override {
        if (input.take(4) == 1) core->close_session(id);
        return 200;
    }
    void on_text(ServerTransactionId id, const IncomingText& text) override {
        if (input.take(4) == 1) core->close_session(text.session);
        texts.push_back(id);
        if (texts.size() > 20) texts.pop_front();
    }
    void on_text_outcome(MessageId, const Outcome&) override {}

    void remember(UsageId id) {
        usages.push_back(id);
        if (usages.size() > 20) usages.pop_front();
    }
    UsageId some_usage() {
        return usages.empty() ? UsageId{} : usages[input.take(static_cast<unsigned>(usages.size()))];
    }

    // A request of the peer: in a dialog that we know a tag of, or outside.
    void peer_request() {
        static constexpr std::string_view methods[] = {"SUBSCRIBE", "NOTIFY",  "BENOTIFY", "INVITE",  "ACK",  "BYE",
                                                       "CANCEL",    "MESSAGE", "INFO",     "OPTIONS", "REFER"};
        const auto method = methods[input.take(std::size(methods))];
        auto m = Message::request(method, "sip:u1@example.com");
        m.add(HeaderId::via, "SIP/2.0/TLS h;branch=z9hG4bK" + std::to_string(input.take(6)));
        std::string call_id = "c" + std::to_string(input.take(3)), to = "<sip:u1@example.com>", from_tag = "p";
        if (const auto pick = input.take(8); pick < 6 && !sent.empty()) {
            const auto& known = sent[input.take(static_cast<unsigned>(sent.size()))];
            call_id = std::string(known.header(HeaderId::call_id));
            to = std::string(known.header(HeaderId::from));
            const auto their = parse_name_addr(known.header(HeaderId::to));
            if (their && !their->tag().empty()) from_tag = std::string(their->tag());
        } else if (pick == 6 && !rows.empty()) {
            auto row = rows.begin();
            std::advance(row, input.take(static_cast<unsigned>(rows.size())));
            const auto record = decode_dialog_record(row->second);
            require(record.has_value());
            call_id = record->call_id;
            to += ";tag=" + record->local_tag;
            from_tag = record->remote_tag;
        }
        m.add(HeaderId::from, "<sip:peer@example.net>;tag=" + from_tag);
        m.add(HeaderId::to, to);
        m.add(HeaderId::call_id, call_id);
        m.add(HeaderId::cseq, std::to_string(++peer_cseq - input.take(2)) + " " + std::string(method));
        m.add(HeaderId::contact, "<sip:peer@h.example.net>");
        if (input.take(2)) m.add(HeaderId::event, "presence");
        if (input.take(2)) m.add(HeaderId::expires, std::to_string(input.take(4) * 30));
        static constexpr std::string_view states[] = {"active;expires=90", "pending", "terminated;reason=rejected",
                                                      "terminated;reason=deactivated", "active"};
        if (input.take(4)) m.add(HeaderId::subscription_state, states[input.take(std::size(states))]);
        if (input.take(4)) m.set_body("application/sdp", "v=0\r\nm=message 5060 sip null\r\n");
        receive(m);
    }

    void peer_answer() {
        if (sent.empty()) return;
        const auto& request = sent[input.take(static_cast<unsigned>(sent.size()))];
        static constexpr int statuses[] = {100, 180, 200, 202, 408, 423, 480, 481, 486, 487, 489, 503, 603};
        auto m = Message::response(statuses[input.take(std::size(statuses))], {});
        for (const auto id : {HeaderId::via, HeaderId::from, HeaderId::call_id, HeaderId::cseq})
            m.add(id, request.header(id));
        std::string to(request.header(HeaderId::to));
        if (to.find(";tag=") == std::string::npos) to += ";tag=t" + std::to_string(input.take(3));
        m.add(HeaderId::to, to);
        if (input.take(2)) m.add(HeaderId::contact, "<sip:peer@h.example.net>");
        if (input.take(4)) m.add(HeaderId::expires, std::to_string(input.take(4) * 60));
        if (input.take(4) == 1) m.add(HeaderId::min_expires, "7200");
        if (input.take(4) == 1) m.add(HeaderId::retry_after, "9");
        if (input.take(4) == 1) m.add(HeaderId::subscription_state, "active;expires=100");
        receive(m);
    }

    void receive(const Message& message) {
        auto parsed = parse_message(message.serialise());
        if (parsed) core->on_message(LinkId{1 + input.take(3)}, *std::move(parsed));
    }

    void user_acts() {
        const auto local = *Uri::parse("sip:u1@example.com"), remote = *Uri::parse("sip:peer@example.net");
        const auto state = input.take(2) ? Notifier::State::active : Notifier::State::pending;
        switch (input.take(13)) {
            case 0: return core->accept_subscription(some_usage(), state, {"application/pidf+xml", "x"});
            case 1: return core->reject_subscription(some_usage(), 404);
            case 2: return core->notify(some_usage(), state, {"application/pidf+xml", std::to_string(++peer_cseq)});
            case 3: return core->end_subscription(some_usage(), "noresource");
            case 4: return remember(core->subscribe(local, remote, {input.take(4) == 1, {}}));
            case 5: return core->refresh(some_usage());
            case 6: return core->unsubscribe(some_usage());
            case 7: return remember(core->open_session(local, remote));
            case 8: return core->accept_session(some_usage());
            case 9: return core->reject_session(some_usage(), 480);
            case 10: return core->close_session(some_usage());
            case 11: (void)core->send_text(some_usage(), {{"text/plain", "hi"}}); return;
            default:
                if (!texts.empty()) core->answer(texts[input.take(static_cast<unsigned>(texts.size()))], 200);
                return;
        }
    }

    void step() {
        switch (input.take(10)) {
            case 0:
            case 1:
            case 2: return peer_request();
            case 3: return peer_answer();
            case 4:
            case 5: return user_acts();
            case 6: {
                if (waiting.empty()) return;
                auto work = std::move(waiting.front());
                waiting.pop_front();
                return work();
            }
            case 7:
                time += Millis{std::int64_t{1} << input.take(22)};
                core->on_time();
                if (const auto next = core->next_deadline()) require(*next > now());
                return;
            case 8:
                if (input.take(2) || open.empty()) return core->on_link_down(LinkId{1});
                if (input.take(2)) return core->on_sent(open.back(), LinkId{1});
                return core->on_send_failed(open.back());
            default:
                if (input.take(4) != 1) return;
                core.reset();
                waiting.clear();
                usages.clear();
                start();
                for (const auto& [key, row] : rows) {
                    const auto restored = core->restore(row);
                    require(restored.has_value());
                    remember(restored->id);
                }
                return;
        }
    }

    Input input;
    SeededRandom random{7};
    std::unique_ptr<Core> core;
    std::map<std::string, std::string> rows;
    std::map<std::string, std::uint32_t> cseqs;
    std::set<std::string> called;
    std::deque<Function<void()>> waiting;
    std::deque<Message> sent;
    std::deque<ClientTransactionId> open;
    std::deque<UsageId> usages;
    std::deque<ServerTransactionId> texts;
    std::uint32_t peer_cseq = 10;
    Millis time{1'000'000};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    World world{Input{data, size}};
    for (int i = 0; i < 400 && !world.input.empty(); ++i) world.step();
    return 0;
}
