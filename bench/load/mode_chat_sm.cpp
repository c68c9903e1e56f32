#include <algorithm>
#include <chrono>
#include <deque>
#include <stdexcept>

#include "bench/load/fleet.hpp"
#include "bench/load/modes.hpp"
#include "bench/load/numbered_text.hpp"
#include "bench/load/report.hpp"
#include "bench/load/sequence_check.hpp"

namespace parley::bench {
namespace {

constexpr auto run_limit = std::chrono::minutes{10};
constexpr auto pick_up_limit = std::chrono::seconds{60};
constexpr auto rest = milliseconds{1000};

// Session 2i sends to the user of session 2i+1, who is online in every other pair. A sender has `window` messages that
// are not acknowledged yet. What was acknowledged must come exactly once: now, or when the recipient logs in.
class ChatSm final : public Fleet {
public:
    explicit ChatSm(const Options& options) : Fleet(options), pairs_(options.sessions / 2) {
        if (options.sessions % 4 != 0) throw std::runtime_error("chat-sm needs a multiple of four sessions");
    }

    int run() {
        std::vector<Session*> there, away, recipients;
        for (unsigned i = 0; i < options_.sessions; ++i) {
            auto who = setup(i);
            who.stream_management = true;
            auto* session = &add(std::move(who));
            if (i % 2 == 1) recipients.push_back(session);
            (i % 4 == 3 ? away : there).push_back(session);
        }
        bring_up(there);
        loop_.run_for(as_time(options_.warm_up));
        const auto before = mark();
        for (unsigned pair = 0; pair < pairs_.size(); ++pair) send_more(pair);
        const auto total = static_cast<std::uint64_t>(options_.messages) * pairs_.size();
        if (!loop_.run_until([&] { return acknowledged_ >= total && received_ >= total / 2; },
                             SteadyClock::now() + run_limit))
            note_error("not everything was acknowledged and delivered in time");
        const auto end = SteadyClock::now();
        loop_.run_for(rest);  // the work a server puts off belongs to it too
        const auto after = mark();

        bring_up(away);
        loop_.run_until([&] { return received_ >= acknowledged_; }, SteadyClock::now() + pick_up_limit);
        const auto picked_up = mark();
        loop_.run_for(rest);
        take_down(all());
        bring_up(recipients);  // what is kept although it was delivered comes a second time now
        loop_.run_for(rest);
        take_down(recipients);
        return report(before, after, picked_up, std::chrono::duration<double>(end - before.when).count(), away.size());
    }

    void on_message(Session& session, std::string_view stanza) override {
        const auto text = parse_numbered_text(child_text(stanza, "body"));
        if (!text || attribute(stanza, "type") == "error" || text->sender + 1 != session.index()) {
            ++strange_;
            return note_error(stanza);
        }
        switch (pairs_[text->sender / 2].check.see(text->number)) {
            case SequenceCheck::Verdict::in_order: break;
            case SequenceCheck::Verdict::reordered: ++reordered_; break;
            case SequenceCheck::Verdict::doubled: ++doubled_; return;
        }
        ++received_;
    }

    void on_acknowledged(Session& session, std::uint32_t h) override {
        if (session.index() % 2 != 0) return;
        auto& pair = pairs_[session.index() / 2];
        while (!pair.unacknowledged.empty() && pair.unacknowledged.front() <= h) {
            pair.unacknowledged.pop_front();
            ++pair.acknowledged;
            ++acknowledged_;
        }
        send_more(session.index() / 2);
    }

private:
    struct Pair {
        std::uint64_t sent = 0, acknowledged = 0;
        std::deque<std::uint32_t> unacknowledged;  // the h that each message waits for
        SequenceCheck check;
    };

    void send_more(unsigned index) {
        auto& pair = pairs_[index];
        auto& session = *sessions_[index * 2];
        while (session.online() && pair.sent < options_.messages && pair.unacknowledged.size() < options_.window) {
            const auto number = pair.sent++;
            const bool ask = pair.sent % options_.ack_every == 0 || pair.sent == options_.messages ||
                             pair.unacknowledged.size() + 1 == options_.window;
            session.send("<message to='" + sessions_[index * 2 + 1]->setup().user + '@' + options_.server.domain +
                         "' type='chat' id='" + run_ + std::to_string(number) + "'><body>" +
                         numbered_text({index * 2, number}, options_.body) + "</body></message>" +
                         (ask ? "<r xmlns='urn:xmpp:sm:3'/>" : ""));
            pair.unacknowledged.push_back(session.sent());
        }
    }

    int report(const Mark& before, const Mark& after, const Mark& picked_up, double seconds, std::size_t away) {
        std::uint64_t lost = 0;
        for (const auto& pair : pairs_) lost += pair.check.lost(pair.acknowledged);
        const auto count = static_cast<double>(acknowledged_);
        const auto server = after.server - before.server;
        const auto later = picked_up.server - after.server;
        Report line(options_);
        line.add("ack_every", options_.ack_every).add("messages", count).add("seconds", seconds);
        line.add("messages_per_second", count / seconds).add("acknowledged", count);
        line.add("lost", static_cast<double>(lost)).add("doubled", static_cast<double>(doubled_));
        line.add("reordered", static_cast<double>(reordered_)).add("strange", static_cast<double>(strange_));
        line.add("cpu_us", count > 0 ? server.cpu_us / count : -1)
            .add("server_cpu_share", server.cpu_us / seconds / 1e6);
        line.add("client_cpu_us", count > 0 ? (after.own_cpu_us - before.own_cpu_us) / count : -1);
        line.add("pick_up_cpu_us_per_login", away > 0 ? later.cpu_us / static_cast<double>(away) : 0);
        line.add("rss_kib", static_cast<double>(after.server.rss_kib));
        if (!first_error().empty()) line.add("error", first_error());
        line.print();
        const auto total = static_cast<std::uint64_t>(options_.messages) * pairs_.size();
        return lost + doubled_ + reordered_ + strange_ + broken() == 0 && acknowledged_ == total ? 0 : 1;
    }

    std::vector<Pair> pairs_;
    std::uint64_t acknowledged_ = 0, received_ = 0, doubled_ = 0, reordered_ = 0, strange_ = 0;
};

}  // namespace

int run_chat_sm(const Options& options) {
    return ChatSm(options).run();
}

}  // namespace parley::bench
