#pragma once

#include <memory>

#include "base/executor.hpp"

namespace parley::test {

// Stands still until the test moves it.
class FakeClock final : public Clock {
public:
    SteadyTime now() const override { return SteadyTime{Millis{1'000'000}} + elapsed_; }
    TimePoint wall() const override { return start_ + elapsed_; }
    void advance(Millis by) { elapsed_ += by; }
    void set_wall(TimePoint now) { start_ = now - elapsed_; }
    Millis elapsed() const { return elapsed_; }

private:
    TimePoint start_ = std::chrono::sys_days{std::chrono::year{2026} / 3 / 1} + std::chrono::hours{12};
    Millis elapsed_{0};
};

// An Executor without a thread: the test runs it. Work and timers run in the order of their time, then in the order in
// which they were given, so that every run is the same.
//
//   FakeExecutor executor;
//   executor.post([&] { ... });
//   executor.run_until_idle();      // all that is due now, and what that posts; no time passes
//   executor.advance(5s);           // stops at every timer on the way, its time is now() while it runs
//
// Two shards of one test share a queue and a clock: `FakeExecutor other{executor};`. Then in_this_thread() is true only
// on the one whose work is running (on every one while the test itself is).
class FakeExecutor final : public Executor {
public:
    FakeExecutor();
    explicit FakeExecutor(FakeExecutor& same_world);
    ~FakeExecutor() override;  // pending work of this executor is dropped
    FakeExecutor(const FakeExecutor&) = delete;
    FakeExecutor& operator=(const FakeExecutor&) = delete;

    void post(Function<void()> work) override;
    Timer after(Millis delay, Function<void()> work) override;
    const Clock& clock() const override;
    bool in_this_thread() const override;

    FakeClock& fake_clock();
    // Returns how many pieces of work ran. Throws std::runtime_error after a million: they post each other for ever.
    std::size_t run_until_idle();
    std::size_t advance(Millis by);
    // Runs until `done` says true, letting time pass up to `limit`; false when it never did.
    template <class Predicate>
    bool run_until(Predicate done, Millis limit = Millis{60'000}) {
        const auto end = fake_clock().elapsed() + limit;
        for (;;) {
            run_until_idle();
            if (done()) return true;
            const auto next = next_timer();
            if (next < Millis{0} || fake_clock().elapsed() + next > end) {
                advance(end - fake_clock().elapsed());
                return done();
            }
            advance(next);
        }
    }
    std::size_t pending() const;  // work and timers that wait
    Millis next_timer() const;    // from now; negative when there is none

private:
    struct World;
    struct PendingTimer;
    std::shared_ptr<World> world_;
};

}  // namespace parley::test
