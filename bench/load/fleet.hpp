#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/common/loop.hpp"
#include "bench/load/options.hpp"
#include "bench/load/process_stats.hpp"
#include "bench/load/session.hpp"

namespace parley::bench {

// The sessions of a run and their coming and going. A mode derives from it; it counts what ended by itself.
class Fleet : public SessionEvents {
public:
    explicit Fleet(const Options& options);
    void on_closed(Session& session, std::string_view why) override;

protected:
    struct Mark {
        SteadyClock::time_point when;
        ProcessStats server;
        double own_cpu_us;
    };

    SessionSetup setup(unsigned index) const;  // user number `index` at the run's server
    Session& add(SessionSetup setup);
    // Connects all of them, `concurrency` at a time. Throws std::runtime_error with the first reason if one fails.
    void bring_up(const std::vector<Session*>& sessions);
    void take_down(const std::vector<Session*>& sessions);
    std::vector<Session*> all() const;
    Mark mark() const;
    unsigned broken() const { return broken_; }
    const std::string& first_error() const { return first_error_; }
    void note_error(std::string_view error) {
        if (first_error_.empty()) first_error_ = error;
    }

    // What the ids of a run's messages begin with: the same id and text again within minutes is a repetition.
    const std::string run_;

    const Options& options_;
    SslContext context_;
    Loop loop_;
    std::vector<std::unique_ptr<Session>> sessions_;

private:
    unsigned broken_ = 0;
    std::string first_error_;
};

milliseconds as_time(double seconds);

}  // namespace parley::bench
