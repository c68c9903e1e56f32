#include <algorithm>
#include <stdexcept>
#include <utility>

#include "bench/load/fleet.hpp"
#include "bench/load/modes.hpp"
#include "bench/load/report.hpp"

namespace parley::bench {
namespace {

constexpr auto rest = milliseconds{500};  // for what the server does after the last close

// Each log-in is a new TCP connection and a full handshake; it closes its stream as soon as its presence is sent, and
// ends when the server has closed too, so that all of its work is inside the measured time.
class Login final : public Fleet {
public:
    explicit Login(const Options& options) : Fleet(options) {}

    int run() {
        for (unsigned i = 0; i < options_.sessions; ++i) add(setup(i));
        log_in(std::min(options_.logins / 10 + 1, options_.sessions));
        loop_.run_for(rest);
        const auto before = mark();
        const auto end = log_in(options_.logins);
        loop_.run_for(rest);
        const auto after = mark();

        const double seconds = std::chrono::duration<double>(end - before.when).count();
        const auto server = after.server - before.server;
        Report line(options_);
        line.add("logins", options_.logins).add("seconds", seconds).add("logins_per_second", options_.logins / seconds);
        line.add("lost", broken()).add("cpu_us", server.cpu_us / options_.logins);
        line.add("client_cpu_us", (after.own_cpu_us - before.own_cpu_us) / options_.logins);
        line.add("rss_kib", static_cast<double>(after.server.rss_kib));
        if (!first_error().empty()) line.add("error", first_error());
        line.print();
        return broken() == 0 ? 0 : 1;
    }

    void on_online(Session& session) override { ready_.push_back(&session); }

private:
    SteadyClock::time_point log_in(unsigned count) {
        std::vector<Session*> active;
        unsigned started = 0;
        while (started < count || !active.empty()) {
            while (started < count && active.size() < std::min(options_.concurrency, options_.sessions)) {
                auto* session = sessions_[next_++ % sessions_.size()].get();
                if (!session->closed()) break;  // only when there are hardly more users than log-ins at once
                session->connect();
                active.push_back(session);
                ++started;
            }
            loop_.poll(milliseconds{100});
            for (auto* session : std::exchange(ready_, {})) session->close();
            std::erase_if(active, [](Session* s) { return s->closed(); });
            if (broken() > options_.concurrency) throw std::runtime_error("log-ins fail: " + first_error());
        }
        return SteadyClock::now();
    }

    std::vector<Session*> ready_;
    std::size_t next_ = 0;
};

}  // namespace

int run_login(const Options& options) {
    return Login(options).run();
}

}  // namespace parley::bench
