// What one durable message costs in the store alone: append, wait for the commit, remove. Each thread is a shard with
// its own executor and keeps `window` appends on their way, so the batches that form are those that a server with so
// many busy senders has.
//   parley-store-bench FOLDER [threads] [window] [seconds] [keep-percent] [stanza-bytes]
// Prints one JSON line. CPU is user + system of the whole process, the generator's own included.
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <mutex>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <vector>

#include "base/text.hpp"
#include "storage/sqlite/engine.hpp"

namespace {

using namespace parley;

class LoopExecutor final : public Executor {
public:
    void post(Function<void()> work) override {
        bool wake = false;
        {
            const std::lock_guard lock(mutex_);
            work_.push_back(std::move(work));
            wake = std::exchange(waits_, false);
        }
        if (wake) wanted_.notify_one();
    }
    Timer after(Millis, Function<void()>) override { std::abort(); }
    const Clock& clock() const override { return clock_; }
    bool in_this_thread() const override { return false; }
    void run_until(const bool& finished) {
        std::vector<Function<void()>> batch;
        while (!finished) {
            {
                std::unique_lock lock(mutex_);
                while (work_.empty()) {
                    waits_ = true;
                    wanted_.wait(lock);
                }
                batch.swap(work_);
            }
            for (auto& work : batch) work();
            batch.clear();
        }
    }

private:
    std::mutex mutex_;
    std::condition_variable wanted_;
    std::vector<Function<void()>> work_;
    bool waits_ = false;
    SystemClock clock_;
};

struct Settings {
    int window = 1;
    int keep_percent = 0;
    std::string stanza;
    std::chrono::steady_clock::time_point end;
    std::vector<xmpp::Jid> users;
    xmpp::Jid sender;
};

// One shard's load.
class Load {
public:
    Load(storage::sqlite::Engine& engine, const Settings& settings, int number)
        : settings_(settings), number_(number), stores_(engine.stores_for(executor_)) {}
    void run() {
        for (int i = 0; i < settings_.window; ++i) append();
        executor_.run_until(finished_);
    }
    std::uint64_t appended() const { return appended_; }

private:
    void append() {
        if (std::chrono::steady_clock::now() >= settings_.end) {
            if (waiting_ == 0) finished_ = true;
            return;
        }
        ++waiting_;
        storage::SpooledMessage message;
        message.user = settings_.users[next_++ * 7919 % settings_.users.size()];
        message.from = settings_.sender;
        message.received = TimePoint{Millis{1'700'000'000'000}};
        message.origin = "session" + std::to_string(number_) + "-" + std::to_string(next_);
        message.stanza = settings_.stanza;
        auto user = message.user;
        const bool keep = static_cast<int>(next_ % 100) < settings_.keep_percent;
        stores_->spool().append(std::move(message), [this, keep, user = std::move(user)](
                                                        Result<storage::SpoolStore::Appended> result) mutable {
            if (!result || result->duplicate) {
                std::fprintf(stderr, "append failed: %s\n", result ? "duplicate" : result.error().detail.c_str());
                std::exit(1);
            }
            ++appended_;
            --waiting_;
            if (!keep) stores_->spool().remove(std::move(user), {result->id}, [](Result<void>) {});
            append();
        });
    }

    const Settings& settings_;
    const int number_;
    LoopExecutor executor_;
    std::unique_ptr<storage::Stores> stores_;
    std::size_t next_ = 0;
    std::uint64_t appended_ = 0;
    int waiting_ = 0;
    bool finished_ = false;
};

double cpu_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

int main(int argc, char** argv) {
    const auto argument = [&](int index, int otherwise) {
        return argc > index ? parse_number<int>(argv[index]).value_or(otherwise) : otherwise;
    };
    if (argc < 2) {
        std::fprintf(stderr, "usage: %s FOLDER [threads] [window] [seconds] [keep-percent] [stanza-bytes]\n", argv[0]);
        return 2;
    }
    const int threads = argument(2, 1);
    Settings settings;
    settings.window = argument(3, 50);
    const int seconds = argument(4, 5);
    settings.keep_percent = argument(5, 0);
    settings.stanza = std::string(static_cast<std::size_t>(argument(6, 400)), 'x');
    settings.sender = xmpp::Jid::parse("sender@example.com/desk").value();
    for (int i = 0; i < 1000; ++i)
        settings.users.push_back(xmpp::Jid::parse("user" + std::to_string(i) + "@example.com").value());

    std::vector<std::unique_ptr<Load>> loads;  // after the engine is gone
    storage::sqlite::DatabaseCounters before, after;
    double cpu = 0, elapsed = 0;
    {
        auto engine = storage::sqlite::Engine::open(argv[1]);
        if (!engine) {
            std::fprintf(stderr, "%s\n", engine.error().detail.c_str());
            return 1;
        }
        for (int i = 0; i < threads; ++i) loads.push_back(std::make_unique<Load>(**engine, settings, i));
        before = (*engine)->database().counters();
        const auto start = std::chrono::steady_clock::now();
        const double cpu_start = cpu_seconds();
        settings.end = start + std::chrono::seconds(seconds);
        std::vector<std::thread> running;
        for (auto& load : loads) running.emplace_back([&load] { load->run(); });
        for (auto& thread : running) thread.join();
        cpu = cpu_seconds() - cpu_start;
        elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        after = (*engine)->database().counters();
    }
    std::uint64_t appended = 0;
    for (const auto& load : loads) appended += load->appended();
    std::printf(
        "{\"threads\":%d,\"window\":%d,\"keep_percent\":%d,\"stanza_bytes\":%zu,\"appends_per_s\":%.0f,"
        "\"cpu_us_per_message\":%.2f,\"commits\":%llu,\"writes_per_commit\":%.1f,\"checkpoints\":%llu}\n",
        threads, settings.window, settings.keep_percent, settings.stanza.size(),
        static_cast<double>(appended) / elapsed, cpu * 1e6 / static_cast<double>(appended),
        static_cast<unsigned long long>(after.commits),
        static_cast<double>(after.writes - before.writes) / static_cast<double>(after.commits - before.commits),
        static_cast<unsigned long long>(after.checkpoints));
    return 0;
}
