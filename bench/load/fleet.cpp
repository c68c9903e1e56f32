#include "bench/load/fleet.hpp"

#include <algorithm>
#include <cstdio>
#include <stdexcept>

namespace parley::bench {
namespace {

constexpr auto step_limit = std::chrono::seconds{60};  // no log-in or log-out ended for so long: give up

}  // namespace

milliseconds as_time(double seconds) {
    return milliseconds{static_cast<milliseconds::rep>(seconds * 1000)};
}

Fleet::Fleet(const Options& options)
    : run_(std::to_string(std::chrono::system_clock::now().time_since_epoch().count()) + '-'),
      options_(options),
      context_(client_context()) {}

void Fleet::on_closed(Session&, std::string_view why) {
    if (why.empty()) return;
    ++broken_;
    note_error(why);
}

SessionSetup Fleet::setup(unsigned index) const {
    char name[32];
    std::snprintf(name, sizeof name, "%s%05u", options_.user_prefix.c_str(), options_.first_user + index);
    return {.server = options_.server,
            .user = name,
            .index = index,
            .stream_management = false,
            .presence = options_.presence};
}

Session& Fleet::add(SessionSetup setup) {
    sessions_.push_back(std::make_unique<Session>(loop_, context_.get(), options_, std::move(setup), *this));
    return *sessions_.back();
}

void Fleet::bring_up(const std::vector<Session*>& sessions) {
    std::vector<Session*> active;
    auto next = sessions.begin();
    auto deadline = SteadyClock::now() + step_limit;
    while (next != sessions.end() || !active.empty()) {
        while (next != sessions.end() && active.size() < options_.concurrency) {
            (*next)->connect();
            active.push_back(*next++);
        }
        loop_.poll(milliseconds{100});
        const auto done = std::erase_if(active, [](Session* s) { return s->online(); });
        if (done != 0) deadline = SteadyClock::now() + step_limit;
        if (broken_ != 0) throw std::runtime_error("log-in failed: " + first_error_);
        if (SteadyClock::now() > deadline)
            throw std::runtime_error("log-in of " + active.front()->setup().user + " stands still");
    }
}

void Fleet::take_down(const std::vector<Session*>& sessions) {
    std::vector<Session*> active;
    auto next = sessions.begin();
    const auto deadline = SteadyClock::now() + step_limit;
    while (next != sessions.end() || !active.empty()) {
        while (next != sessions.end() && active.size() < options_.concurrency) {
            (*next)->close();
            active.push_back(*next++);
        }
        loop_.poll(milliseconds{10});
        std::erase_if(active, [](Session* s) { return s->closed(); });
        if (SteadyClock::now() > deadline) throw std::runtime_error("log-out stands still");
    }
}

std::vector<Session*> Fleet::all() const {
    std::vector<Session*> list;
    for (const auto& session : sessions_) list.push_back(session.get());
    return list;
}

Fleet::Mark Fleet::mark() const {
    return {SteadyClock::now(), measure(options_.pids), bench::own_cpu_us()};
}

}  // namespace parley::bench
