#include <chrono>
#include <stdexcept>

#include "bench/load/fleet.hpp"
#include "bench/load/modes.hpp"
#include "bench/load/numbered_text.hpp"
#include "bench/load/report.hpp"
#include "bench/load/sequence_check.hpp"

namespace parley::bench {
namespace {

constexpr auto drain_limit = std::chrono::seconds{30};
// For what comes twice, and for the server to learn what has arrived: it would keep the rest for the next run.
constexpr auto settle = std::chrono::milliseconds{500};

// Pairs of sessions talk both ways; each sender keeps `window` messages on their way, and a delivery lets it send the
// next. In the federated mode the two of a pair are at different servers.
class Chat final : public Fleet {
public:
    explicit Chat(const Options& options) : Fleet(options), senders_(options.sessions) {
        if (options.sessions % 2 != 0) throw std::runtime_error("chat needs an even number of sessions");
    }

    int run() {
        for (unsigned i = 0; i < options_.sessions; ++i) {
            auto who = setup(i);
            if (options_.mode == "federated" && i % 2 == 1) who.server = options_.other;
            add(std::move(who));
        }
        bring_up(all());
        for (unsigned i = 0; i < options_.sessions; ++i) {
            senders_[i].start = "<message to='" + sessions_[i ^ 1]->jid() + "' type='chat' id='" + run_;
            for (unsigned n = 0; n < options_.window; ++n) send_next(i);
        }
        loop_.run_for(as_time(options_.warm_up));
        const auto first = delivered_;
        const auto before = mark();
        loop_.run_for(as_time(options_.seconds));
        const auto after = mark();
        const auto messages = delivered_ - first;
        sending_ = false;
        loop_.run_until([this] { return delivered_ >= sent_; }, SteadyClock::now() + drain_limit);
        loop_.run_for(settle);
        return report(before, after, messages);
    }

    void on_message(Session& session, std::string_view stanza) override {
        const auto id = attribute(stanza, "id");
        if (id.find('-') != id.npos && !id.starts_with(run_)) return;  // of an earlier run
        const auto text = parse_numbered_text(child_text(stanza, "body"));
        if (!text || attribute(stanza, "type") == "error" || text->sender != (session.index() ^ 1)) {
            ++strange_;
            return note_error(stanza);
        }
        switch (senders_[text->sender].check.see(text->number)) {
            case SequenceCheck::Verdict::in_order: break;
            case SequenceCheck::Verdict::reordered: ++reordered_; break;
            case SequenceCheck::Verdict::doubled: ++doubled_; return;
        }
        ++delivered_;
        if (sending_) send_next(text->sender);
    }

private:
    struct Sender {
        std::string start;
        std::uint64_t sent = 0;
        SequenceCheck check;  // what its partner saw
    };

    void send_next(unsigned index) {
        auto& sender = senders_[index];
        const auto number = sender.sent++;
        ++sent_;
        stanza_ = sender.start;
        stanza_ += std::to_string(number);
        stanza_ += "'><body>";
        stanza_ += numbered_text({index, number}, options_.body);
        stanza_ += "</body></message>";
        sessions_[index]->send(stanza_);
    }

    int report(const Mark& before, const Mark& after, std::uint64_t messages) {
        std::uint64_t lost = 0;
        for (const auto& sender : senders_) lost += sender.check.lost(sender.sent);
        const double seconds = std::chrono::duration<double>(after.when - before.when).count();
        const auto count = static_cast<double>(messages);
        const auto server = after.server - before.server;
        Report line(options_);
        line.add("messages", count).add("seconds", seconds).add("messages_per_second", count / seconds);
        line.add("lost", static_cast<double>(lost)).add("doubled", static_cast<double>(doubled_));
        line.add("reordered", static_cast<double>(reordered_)).add("strange", static_cast<double>(strange_));
        line.add("cpu_us", count > 0 ? server.cpu_us / count : -1)
            .add("server_cpu_share", server.cpu_us / seconds / 1e6);
        line.add("client_cpu_us", count > 0 ? (after.own_cpu_us - before.own_cpu_us) / count : -1);
        line.add("rss_kib", static_cast<double>(after.server.rss_kib));
        if (!first_error().empty()) line.add("error", first_error());
        line.print();
        return lost + doubled_ + reordered_ + strange_ + broken() == 0 && messages > 0 ? 0 : 1;
    }

    std::vector<Sender> senders_;
    std::string stanza_;
    bool sending_ = true;
    std::uint64_t sent_ = 0, delivered_ = 0, doubled_ = 0, reordered_ = 0, strange_ = 0;
};

}  // namespace

int run_chat(const Options& options) {
    return Chat(options).run();
}

}  // namespace parley::bench
