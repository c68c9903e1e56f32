#include <stdexcept>
#include <utility>

#include "bench/load/modes.hpp"
#include "bench/load/numbered_text.hpp"
#include "bench/load/sequence_check.hpp"
#include "bench/load/sip_fleet.hpp"

namespace parley::bench {
namespace {

constexpr auto open_limit = std::chrono::seconds{60};
constexpr auto drain_limit = std::chrono::seconds{30};
constexpr unsigned opened_at_once = 32;

// Each user of the server has an open session with the person of the same number at the SIP domain, who has opened it.
// In it one side writes: the next text goes when the one before has been read and answered.
class Talk final : public SipFleet {
public:
    explicit Talk(const Options& options)
        : SipFleet(options), inwards_(options.mode == "sip-in"), pairs_(options.sessions) {}

    int run() {
        bring_up_users(true);
        open_sessions();
        writing_ = true;
        for (unsigned i = 0; i < options_.sessions; ++i) write_next(i);
        loop_.run_for(as_time(options_.warm_up));
        const auto first = delivered_;
        const auto before = mark();
        loop_.run_for(as_time(options_.seconds));
        const auto after = mark();
        const auto messages = delivered_ - first;
        writing_ = false;
        loop_.run_until([this] { return delivered_ >= written_; }, SteadyClock::now() + drain_limit);
        loop_.run_for(milliseconds{200});  // for what comes twice
        std::uint64_t lost = 0;
        for (const auto& pair : pairs_) lost += pair.check.lost(pair.written);
        const auto result = report(before, after, messages, lost);
        take_down(all());
        return result;
    }

    void on_message(Session& session, std::string_view stanza) override {
        reached_user(session.index(), child_text(stanza, "body"));
    }

    void on_user_text(unsigned index, std::string_view text) override { reached_user(index, text); }

private:
    struct Pair {
        Dialog dialog;
        bool open = false;
        std::uint64_t written = 0;
        int waits_for = 0;  // inwards: the text at the client, and its 200
        SequenceCheck check;
    };

    void open_sessions() {
        unsigned begun = 0;
        while (opened_ < options_.sessions) {
            while (begun < options_.sessions && begun - opened_ < opened_at_once) {
                auto& dialog = pairs_[begun].dialog;
                dialog = new_dialog(begun++, 0);
                request(dialog, "INVITE", {}, "application/sdp", offer());
            }
            const auto seen = opened_;
            if (!loop_.run_until([&] { return opened_ > seen || strange_ != 0; }, SteadyClock::now() + open_limit) ||
                strange_ != 0)
                throw std::runtime_error("sessions do not open: " + first_error());
        }
    }

    void reached_user(unsigned index, std::string_view body) {
        const auto text = parse_numbered_text(body);
        if (!inwards_ || !text || text->sender != index) return strange(body);
        arrived(index, text->number);
        if (--pairs_[index].waits_for == 0) write_next(index);
    }

    void write_next(unsigned index) {
        if (!writing_) return;
        auto& pair = pairs_[index];
        const auto text = numbered_text({index, pair.written++}, options_.body);
        ++written_;
        if (inwards_) {
            pair.waits_for = 2;
            request(pair.dialog, "MESSAGE", {}, "text/plain; charset=UTF-8", text);
        } else {
            sessions_[index]->send("<message type='chat' id='" + run_ + std::to_string(pair.written) + "' to='" +
                                   person(index) + "'><body>" + text + "</body></message>");
        }
    }

    void arrived(unsigned index, std::uint64_t number) {
        switch (pairs_[index].check.see(number)) {
            case SequenceCheck::Verdict::in_order: break;
            case SequenceCheck::Verdict::reordered: ++reordered_; break;
            case SequenceCheck::Verdict::doubled: ++doubled_; return;
        }
        ++delivered_;
    }

    void on_partner_sip(SipLink& link, const SipMessage& message) override {
        if (message.is_response()) return on_answer(message);
        answer(link, message, "200 OK");
        if (message.method() != "MESSAGE") return;
        const auto text = parse_numbered_text(message.body);
        if (inwards_ || !text || text->sender >= pairs_.size()) return strange(message.head);
        arrived(text->sender, text->number);
        write_next(text->sender);
    }

    void on_answer(const SipMessage& message) {
        const auto index = index_of(message);
        if (message.status() < 200) return;
        if (message.status() != 200 || index >= pairs_.size()) return strange(message.head);
        auto& pair = pairs_[index];
        if (message.method() == "INVITE") {
            learn(pair.dialog, message, "To");
            ack(pair.dialog);
            if (!std::exchange(pair.open, true)) ++opened_;
        } else if (message.method() == "MESSAGE" && --pair.waits_for == 0) {
            write_next(index);
        }
    }

    const bool inwards_;
    std::vector<Pair> pairs_;
    unsigned opened_ = 0;
    bool writing_ = false;
    std::uint64_t written_ = 0, delivered_ = 0;
};

}  // namespace

int run_sip_talk(const Options& options) {
    return Talk(options).run();
}

}  // namespace parley::bench
