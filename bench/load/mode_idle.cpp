#include "bench/load/fleet.hpp"
#include "bench/load/modes.hpp"
#include "bench/load/report.hpp"

namespace parley::bench {
namespace {

constexpr unsigned rehearsal = 32;  // sessions that come and go first, so that what is loaded once is not counted

class Idle final : public Fleet {
public:
    explicit Idle(const Options& options) : Fleet(options) {}

    int run() {
        for (unsigned i = 0; i < options_.sessions; ++i) add(setup(i));
        const auto sessions = all();
        const std::vector<Session*> some(sessions.begin(), sessions.begin() + std::min(rehearsal, options_.sessions));
        bring_up(some);
        take_down(some);
        loop_.run_for(as_time(options_.settle));
        const auto before = mark();
        bring_up(sessions);
        loop_.run_for(as_time(options_.settle));
        const auto settled = mark();
        loop_.run_for(as_time(options_.seconds));
        const auto after = mark();

        unsigned alive = 0;
        for (const auto* session : sessions) alive += session->online();
        const auto grown = after.server - before.server;
        const auto idle_cpu = (after.server - settled.server).cpu_us;
        Report line(options_);
        line.add("lost", options_.sessions - alive);
        line.add("rss_kib_per_session", static_cast<double>(grown.rss_kib) / options_.sessions);
        line.add("rss_kib_before", static_cast<double>(before.server.rss_kib));
        line.add("rss_kib", static_cast<double>(after.server.rss_kib));
        line.add("seconds", std::chrono::duration<double>(after.when - settled.when).count());
        line.add("idle_cpu_us_per_session_second",
                 idle_cpu / options_.sessions / std::chrono::duration<double>(after.when - settled.when).count());
        if (!first_error().empty()) line.add("error", first_error());
        line.print();
        return alive == options_.sessions ? 0 : 1;
    }
};

}  // namespace

int run_idle(const Options& options) {
    return Idle(options).run();
}

}  // namespace parley::bench
