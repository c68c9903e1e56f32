#include "bench/load/modes.hpp"
#include "bench/load/numbered_text.hpp"
#include "bench/load/sequence_check.hpp"
#include "bench/load/sip_fleet.hpp"

namespace parley::bench {
namespace {

constexpr auto drain_limit = std::chrono::seconds{30};

// The person at the SIP domain opens a session, writes one text, and closes it when the text has been answered; when
// the client has it too and the BYE is answered, the next one opens.
class OneTextSessions final : public SipFleet {
public:
    explicit OneTextSessions(const Options& options) : SipFleet(options), pairs_(options.sessions) {}

    int run() {
        bring_up_users(true);
        working_ = true;
        for (unsigned i = 0; i < options_.sessions; ++i) begin(i);
        loop_.run_for(as_time(options_.warm_up));
        const auto first = done_;
        const auto before = mark();
        loop_.run_for(as_time(options_.seconds));
        const auto after = mark();
        const auto sessions = done_ - first;
        working_ = false;
        loop_.run_until([this] { return done_ >= begun_; }, SteadyClock::now() + drain_limit);
        std::uint64_t lost = 0;
        for (const auto& pair : pairs_) lost += pair.check.lost(pair.rounds);
        const auto result = report(before, after, sessions, lost);
        take_down(all());
        return result;
    }

    void on_message(Session& session, std::string_view stanza) override {
        if (stanza.find("<body") == std::string_view::npos) return;  // that the session is over
        arrived(session.index(), child_text(stanza, "body"));
    }

private:
    struct Pair {
        Dialog dialog;
        std::uint64_t rounds = 0;
        int waits_for = 0;  // the text at the client, and the answer to BYE
        SequenceCheck check;
    };

    void arrived(unsigned index, std::string_view body) {
        const auto text = parse_numbered_text(body);
        if (!text || text->sender != index) return strange(body);
        auto& pair = pairs_[index];
        switch (pair.check.see(text->number)) {
            case SequenceCheck::Verdict::in_order: break;
            case SequenceCheck::Verdict::reordered: ++reordered_; break;
            case SequenceCheck::Verdict::doubled: ++doubled_; return;
        }
        part_done(index);
    }

    void on_user_text(unsigned index, std::string_view text) override { arrived(index, text); }

    void begin(unsigned index) {
        if (!working_) return;
        auto& pair = pairs_[index];
        ++begun_;
        pair.waits_for = 2;
        pair.dialog = new_dialog(index, pair.rounds++);
        request(pair.dialog, "INVITE", {}, "application/sdp", offer());
    }

    void part_done(unsigned index) {
        if (--pairs_[index].waits_for > 0) return;
        ++done_;
        begin(index);
    }

    void on_partner_sip(SipLink& link, const SipMessage& message) override {
        const auto index = index_of(message);
        if (index >= pairs_.size()) return strange(message.head);
        if (!message.is_response()) return answer(link, message, "200 OK");
        if (message.status() < 200) return;
        if (message.status() != 200) return strange(message.head);
        auto& pair = pairs_[index];
        const auto method = message.method();
        if (method == "INVITE") {
            learn(pair.dialog, message, "To");
            ack(pair.dialog);
            request(pair.dialog, "MESSAGE", {}, "text/plain; charset=UTF-8",
                    numbered_text({index, pair.rounds - 1}, options_.body));
        } else if (method == "MESSAGE") {
            request(pair.dialog, "BYE");
        } else {
            part_done(index);
        }
    }

    std::vector<Pair> pairs_;
    bool working_ = false;
    std::uint64_t begun_ = 0, done_ = 0;
};

}  // namespace

int run_sip_session(const Options& options) {
    return OneTextSessions(options).run();
}

}  // namespace parley::bench
