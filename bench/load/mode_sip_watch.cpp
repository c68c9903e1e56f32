#include <set>
#include <stdexcept>
#include <utility>

#include "bench/load/modes.hpp"
#include "bench/load/sip_fleet.hpp"

namespace parley::bench {
namespace {

constexpr auto step_limit = std::chrono::seconds{60};
constexpr auto drain_limit = std::chrono::seconds{30};
constexpr unsigned asked_at_once = 32;
constexpr std::string_view event = "Event: presence\r\nAccept: application/pidf+xml\r\n";

// People of the SIP domain watch users of the server, `contacts` of them each user.
class Watch : public SipFleet {
public:
    explicit Watch(const Options& options)
        : SipFleet(options), watches_(static_cast<std::size_t>(options.sessions) * options.contacts) {}

    void on_presence(Session& session, std::string_view stanza) override {
        if (attribute(stanza, "type") == "subscribe")
            session.send("<presence type='subscribed' to='" + std::string(attribute(stanza, "from")) + "'/>");
    }

protected:
    // Number w watches user w / contacts.
    struct Subscription {
        Dialog dialog;
        std::uint64_t rounds = 0;
        bool active = false;
        std::uint64_t notified = 0;  // the change that was told last
    };

    unsigned user_of(unsigned watch) const { return watch / options_.contacts; }

    void subscribe(unsigned watch) {
        auto& subscription = watches_[watch];
        auto& dialog = subscription.dialog;
        dialog = new_dialog(watch, subscription.rounds++);
        dialog.theirs = "<sip:" + bare(user_of(watch)) + '>';
        dialog.target = "sip:" + bare(user_of(watch));
        request(dialog, "SUBSCRIBE", std::string(event) + "Expires: 3600\r\n");
    }

    void begin() {
        bring_up_users(false);
        unsigned asked = 0;
        while (active_ < watches_.size()) {
            while (asked < watches_.size() && asked - active_ < asked_at_once) subscribe(asked++);
            const auto seen = active_;
            if (!loop_.run_until([&] { return active_ > seen || strange_ != 0; }, SteadyClock::now() + step_limit) ||
                strange_ != 0)
                throw std::runtime_error("subscriptions stand still: " + first_error());
        }
    }

    void on_partner_sip(SipLink& link, const SipMessage& message) override {
        const auto index = index_of(message);
        if (index >= watches_.size()) return strange(message.head);
        auto& subscription = watches_[index];
        if (message.is_response()) {
            if (message.status() >= 300) return strange(message.head);
            // An answer may come behind the NOTIFY that ended its dialog: they take different connections.
            if (message.status() >= 200 && message.header("Call-ID") == subscription.dialog.call_id)
                learn(subscription.dialog, message, "To");
            return;
        }
        if (message.method() != "NOTIFY") return strange(message.head);
        answer(link, message, "200 OK");
        // The NOTIFY may overtake the 200, on another connection: it makes the dialog as well (RFC 6665 4.1.3).
        if (message.header("Call-ID") == subscription.dialog.call_id) learn(subscription.dialog, message, "From");
        const auto state = message.header("Subscription-State");
        if (state.starts_with("active") && !std::exchange(subscription.active, true)) ++active_;
        on_notify(index, state, message.body);
    }

    virtual void on_notify(unsigned watch, std::string_view state, std::string_view body) = 0;

    std::vector<Subscription> watches_;
    unsigned active_ = 0;
};

// One user in `contacts` changes its presence; when all its watchers have been told, it does so again.
class Notify final : public Watch {
public:
    explicit Notify(const Options& options) : Watch(options), users_(options.sessions) {}

    int run() {
        begin();
        loop_.run_for(as_time(options_.settle));
        changing_ = true;
        for (unsigned i = 0; i < options_.sessions; ++i) change(i);
        loop_.run_for(as_time(options_.warm_up));
        const auto first = told_;
        const auto before = mark();
        loop_.run_for(as_time(options_.seconds));
        const auto after = mark();
        const auto notified = told_ - first;
        changing_ = false;
        loop_.run_until([this] { return waiting_ == 0; }, SteadyClock::now() + drain_limit);
        const auto result = report(before, after, notified, waiting_);
        take_down(all());
        return result;
    }

private:
    struct User {
        std::uint64_t change = 0;
        unsigned waiting = 0;
    };

    void change(unsigned index) {
        if (!changing_) return;
        auto& user = users_[index];
        ++user.change;
        user.waiting = options_.contacts;
        waiting_ += user.waiting;
        const auto text = "change " + std::to_string(user.change) + ";";
        if (options_.sip_users) return publish(index, text);
        sessions_[index]->send(std::string(user.change % 2 == 0 ? "<presence>" : "<presence><show>away</show>") +
                               "<status>" + text + "</status></presence>");
    }

    void on_notify(unsigned watch, std::string_view, std::string_view body) override {
        if (users_[user_of(watch)].change == 0) return;
        auto& user = users_[user_of(watch)];
        // A change that came between may have been replaced; what was before the last one says nothing.
        if (body.find("change " + std::to_string(user.change) + ";") == std::string_view::npos) return;
        if (watches_[watch].notified == user.change) {
            ++doubled_;
            return;
        }
        watches_[watch].notified = user.change;
        ++told_;
        --waiting_;
        if (--user.waiting == 0) change(user_of(watch));
    }

    std::vector<User> users_;
    bool changing_ = false;
    std::uint64_t told_ = 0, waiting_ = 0;
};

// SUBSCRIBE, 200, NOTIFY, 200, SUBSCRIBE with Expires 0, 200, NOTIFY, 200: again and again, by every watcher.
class Cycle final : public Watch {
public:
    using Watch::Watch;

    int run() {
        begin();
        cycling_ = true;
        for (unsigned i = 0; i < watches_.size(); ++i) end(i);
        loop_.run_for(as_time(options_.warm_up));
        const auto first = cycles_;
        const auto before = mark();
        loop_.run_for(as_time(options_.seconds));
        const auto after = mark();
        const auto cycles = cycles_ - first;
        cycling_ = false;
        loop_.run_until([this] { return under_way_ == 0; }, SteadyClock::now() + drain_limit);
        const auto result = report(before, after, cycles, under_way_);
        take_down(all());
        return result;
    }

private:
    void end(unsigned watch) {
        ++under_way_;
        request(watches_[watch].dialog, "SUBSCRIBE", std::string(event) + "Expires: 0\r\n");
    }

    void on_notify(unsigned watch, std::string_view state, std::string_view) override {
        if (!cycling_ && under_way_ == 0) return;
        auto& subscription = watches_[watch];
        if (state.starts_with("terminated")) {
            if (std::exchange(subscription.active, false)) --active_;
            ++cycles_;
            --under_way_;
            if (cycling_) subscribe(watch);
        } else if (state.starts_with("active") && subscription.notified != subscription.rounds) {
            subscription.notified = subscription.rounds;
            if (cycling_) end(watch);
        }
    }

    bool cycling_ = false;
    std::uint64_t cycles_ = 0, under_way_ = 0;
};

}  // namespace

int run_sip_notify(const Options& options) {
    return Notify(options).run();
}

int run_sip_subscribe(const Options& options) {
    return Cycle(options).run();
}

}  // namespace parley::bench
