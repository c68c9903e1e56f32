#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/executor.hpp"
#include "storage/stores.hpp"
#include "tests/support/temporary_folder.hpp"

namespace parley::test {

// A queue that the test empties on its own thread: a store may post from any other.
class QueueExecutor final : public Executor {
public:
    void post(Function<void()> work) override {
        {
            const std::lock_guard lock(mutex_);
            work_.push_back(std::move(work));
            ++posts_;
        }
        wanted_.notify_one();
    }
    Timer after(Millis, Function<void()>) override {
        throw std::logic_error("a store needs no timers of its executor");
    }
    const Clock& clock() const override { return clock_; }
    bool in_this_thread() const override { return std::this_thread::get_id() == owner_; }

    // Runs what is posted until `ready`; false after `patience`, which only a broken store meets.
    bool run_until(const std::function<bool()>& ready, std::chrono::seconds patience = std::chrono::seconds(60)) {
        const auto deadline = std::chrono::steady_clock::now() + patience;
        while (!ready()) {
            std::vector<Function<void()>> batch;
            {
                std::unique_lock lock(mutex_);
                if (!wanted_.wait_until(lock, deadline, [this] { return !work_.empty(); })) return false;
                batch.swap(work_);
            }
            for (auto& work : batch) work();
        }
        return true;
    }
    std::size_t posts() const {
        const std::lock_guard lock(mutex_);
        return posts_;
    }

private:
    const std::thread::id owner_ = std::this_thread::get_id();
    mutable std::mutex mutex_;
    std::condition_variable wanted_;
    std::vector<Function<void()>> work_;
    std::size_t posts_ = 0;
    SystemClock clock_;
};

// How a contract gets the engine that it is to test: opens it anew on the same data each time it is called.
struct EngineKind {
    std::string name;
    std::function<std::unique_ptr<storage::Engine>(const std::string& folder)> open;
};
inline void PrintTo(const EngineKind& kind, std::ostream* out) {
    *out << kind.name;
}

// What every store contract stands on.
class StoreContract : public ::testing::TestWithParam<EngineKind> {
protected:
    StoreContract() { reopen(); }
    void reopen() {
        stores_.reset();
        engine_.reset();
        engine_ = GetParam().open(folder_.path());
        stores_ = engine_->stores_for(executor_);
    }
    // Makes a call that takes a Done<T> last and waits for it: wait<T>([&](auto done) { store.load(user,
    // std::move(done)); }).
    template <class T = void, class Call>
    Result<T> wait(Call call) {
        std::optional<Result<T>> result;
        call(storage::Done<T>([&result](Result<T> value) { result.emplace(std::move(value)); }));
        EXPECT_FALSE(result) << "done must not run inside the call";
        if (!executor_.run_until([&result] { return result.has_value(); })) return Error{Errc::timed_out, "no answer"};
        return *std::move(result);
    }

    TemporaryFolder folder_;
    QueueExecutor executor_;
    std::unique_ptr<storage::Engine> engine_;
    std::unique_ptr<storage::Stores> stores_;
};

inline xmpp::Jid jid(std::string_view text) {
    return xmpp::Jid::parse(text).value();
}

}  // namespace parley::test
