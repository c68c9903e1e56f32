#include <charconv>
#include <chrono>
#include <stdexcept>

#include "bench/load/fleet.hpp"
#include "bench/load/modes.hpp"
#include "bench/load/report.hpp"
#include "bench/load/sequence_check.hpp"

namespace parley::bench {
namespace {

constexpr auto subscribe_limit = std::chrono::minutes{10};
constexpr auto drain_limit = std::chrono::seconds{30};
constexpr unsigned subscriptions_at_once = 64;

// Users sit in a ring, and each is subscribed both ways to the nearest `contacts`. One in `contacts` users has the
// turn: it changes its presence, and when all its contacts have seen that, the turn goes to the next user. So a contact
// gets one presence at a time, as in life, where people do not all change at once. Subscriptions are made in-band,
// once, before the measured time.
class Presence final : public Fleet {
public:
    explicit Presence(const Options& options) : Fleet(options), users_(options.sessions) {
        if (options.contacts % 2 != 0 || options.contacts == 0 || options.contacts >= options.sessions)
            throw std::runtime_error("presence needs an even number of contacts and more sessions than contacts");
        for (auto& user : users_) user.seen.resize(options.contacts);
    }

    int run() {
        for (unsigned i = 0; i < options_.sessions; ++i) add(setup(i));
        bring_up(all());
        if (subscribe_missing()) {
            take_down(all());
            bring_up(all());
            for (const auto* session : all()) {
                if (mutual(*session) != options_.contacts)
                    throw std::runtime_error(session->setup().user + " has " + std::to_string(mutual(*session)) +
                                             " contacts");
            }
        }
        loop_.run_for(as_time(options_.settle));
        toggling_ = true;
        for (unsigned i = 0; i < options_.sessions; i += options_.contacts) toggle(i);
        loop_.run_for(as_time(options_.warm_up));
        const auto first = delivered_;
        const auto before = mark();
        loop_.run_for(as_time(options_.seconds));
        const auto after = mark();
        const auto deliveries = delivered_ - first;
        toggling_ = false;
        loop_.run_until([this] { return delivered_ >= toggles_ * options_.contacts; },
                        SteadyClock::now() + drain_limit);
        loop_.run_for(milliseconds{200});
        const auto result = report(before, after, deliveries);
        take_down(all());
        return result;
    }

    void on_presence(Session& session, std::string_view stanza) override {
        const auto from = index_of(attribute(stanza, "from"));
        if (from >= users_.size()) return;
        const auto type = attribute(stanza, "type");
        if (type == "subscribe") {
            return session.send("<presence type='subscribed' to='" + bare(from) + "'/>");
        }
        if (type == "subscribed") {
            ++subscribed_;
            return;
        }
        if (!type.empty()) return;
        const auto text = child_text(stanza, "status");
        std::uint64_t number = 0;
        if (text.empty() || std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc{}) return;
        if (from == session.index()) {
            ++own_copies_;
            return;
        }
        const auto slot = slot_of(from, session.index());
        if (slot >= options_.contacts) {
            ++strange_;
            return note_error(stanza);
        }
        auto& user = users_[from];
        switch (user.seen[slot].see(number)) {
            case SequenceCheck::Verdict::in_order: break;
            case SequenceCheck::Verdict::reordered: ++reordered_; break;
            case SequenceCheck::Verdict::doubled: ++doubled_; return;
        }
        ++delivered_;
        if (--user.waiting == 0 && toggling_) pass_turn(from + 1);
    }

private:
    struct User {
        std::uint64_t toggles = 0;
        unsigned waiting = 0;             // contacts that have not seen the last change
        std::vector<SequenceCheck> seen;  // by each contact
    };

    std::string bare(unsigned index) const { return sessions_[index]->setup().user + '@' + options_.server.domain; }

    unsigned index_of(std::string_view jid) const {
        unsigned number = 0;
        if (!jid.starts_with(options_.user_prefix)) return ~0U;
        jid.remove_prefix(options_.user_prefix.size());
        if (std::from_chars(jid.data(), jid.data() + jid.size(), number).ec != std::errc{}) return ~0U;
        return number - options_.first_user;
    }

    // 0 .. contacts-1 for the neighbours of `from` in the ring, more for everybody else.
    unsigned slot_of(unsigned from, unsigned to) const {
        const unsigned half = options_.contacts / 2, n = options_.sessions;
        const unsigned ahead = (to + n - from) % n, behind = (from + n - to) % n;
        if (ahead >= 1 && ahead <= half) return ahead - 1;
        return behind >= 1 && behind <= half ? half + behind - 1 : ~0U;
    }

    static unsigned mutual(const Session& session) {
        unsigned count = 0;
        for (const std::string_view quoted : {"subscription='both'", "subscription=\"both\""}) {
            for (auto at = session.roster().find(quoted); at != std::string::npos;
                 at = session.roster().find(quoted, at + 1))
                ++count;
        }
        return count;
    }

    bool subscribe_missing() {
        unsigned asked = 0;
        for (unsigned i = 0; i < options_.sessions; ++i) {
            const auto& roster = sessions_[i]->roster();
            if (mutual(*sessions_[i]) == options_.contacts) continue;
            for (unsigned step = 1; step <= options_.contacts / 2; ++step) {
                for (const unsigned other :
                     {(i + step) % options_.sessions, (i + options_.sessions - step) % options_.sessions}) {
                    if (roster.find(bare(other)) != std::string::npos)
                        throw std::runtime_error("half-made rosters: begin with new users");
                    sessions_[i]->send("<presence type='subscribe' to='" + bare(other) + "'/>");
                    ++asked;
                    if (!loop_.run_until([&] { return asked - subscribed_ < subscriptions_at_once; },
                                         SteadyClock::now() + subscribe_limit))
                        throw std::runtime_error("subscriptions stand still");
                }
            }
        }
        if (!loop_.run_until([&] { return subscribed_ >= asked; }, SteadyClock::now() + std::chrono::seconds{30}))
            throw std::runtime_error(std::to_string(asked - subscribed_) + " subscriptions were not answered");
        loop_.run_for(milliseconds{1000});
        return asked != 0;
    }

    void pass_turn(unsigned index) {
        while (users_[index % options_.sessions].waiting != 0) ++index;  // a slower turn is still there: step over it
        toggle(index % options_.sessions);
    }

    void toggle(unsigned index) {
        auto& user = users_[index];
        const auto number = user.toggles++;
        ++toggles_;
        user.waiting = options_.contacts;
        sessions_[index]->send(std::string(number % 2 == 0 ? "<presence><show>away</show>" : "<presence>") +
                               "<status>" + std::to_string(number) + "</status></presence>");
    }

    int report(const Mark& before, const Mark& after, std::uint64_t deliveries) {
        std::uint64_t lost = 0;
        for (const auto& user : users_) {
            for (const auto& check : user.seen) lost += check.lost(user.toggles);
        }
        const double seconds = std::chrono::duration<double>(after.when - before.when).count();
        const auto count = static_cast<double>(deliveries);
        const auto server = after.server - before.server;
        Report line(options_);
        line.add("contacts", options_.contacts).add("messages", count).add("seconds", seconds);
        line.add("messages_per_second", count / seconds).add("lost", static_cast<double>(lost));
        line.add("doubled", static_cast<double>(doubled_)).add("reordered", static_cast<double>(reordered_));
        line.add("strange", static_cast<double>(strange_)).add("own_copies", static_cast<double>(own_copies_));
        line.add("cpu_us", count > 0 ? server.cpu_us / count : -1)
            .add("server_cpu_share", server.cpu_us / seconds / 1e6);
        line.add("client_cpu_us", count > 0 ? (after.own_cpu_us - before.own_cpu_us) / count : -1);
        line.add("rss_kib", static_cast<double>(after.server.rss_kib));
        if (!first_error().empty()) line.add("error", first_error());
        line.print();
        return lost + doubled_ + reordered_ + strange_ + broken() == 0 && deliveries > 0 ? 0 : 1;
    }

    std::vector<User> users_;
    bool toggling_ = false;
    unsigned subscribed_ = 0;
    std::uint64_t toggles_ = 0, delivered_ = 0, own_copies_ = 0, doubled_ = 0, reordered_ = 0, strange_ = 0;
};

}  // namespace

int run_presence(const Options& options) {
    return Presence(options).run();
}

}  // namespace parley::bench
