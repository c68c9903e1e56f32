#pragma once

#include <memory>

#include "base/clock.hpp"
#include "base/function.hpp"

namespace parley {

// A pending call of Executor::after. Destroying or resetting it cancels the call; on the executor's own thread that is
// exact: a cancelled call never runs.
class Timer {
public:
    struct State {
        virtual ~State() = default;
        virtual void cancel() = 0;
    };
    Timer() = default;
    explicit Timer(std::unique_ptr<State> state) : state_(std::move(state)) {}
    Timer(Timer&&) noexcept = default;
    Timer& operator=(Timer&& other) noexcept {
        cancel();
        state_ = std::move(other.state_);
        return *this;
    }
    ~Timer() { cancel(); }
    void cancel() {
        if (const auto state = std::move(state_)) state->cancel();
    }
    bool pending() const { return state_ != nullptr; }  // true also after it has fired, until reset

private:
    std::unique_ptr<State> state_;
};

// One thread's queue of work and its timers. A shard is an Executor; all state of a user lives on one. In tests it is a
// FakeExecutor (tests/support), whose time stands still until the test moves it.
class Executor {
public:
    virtual ~Executor() = default;
    virtual void post(Function<void()> work) = 0;                  // from any thread; runs later, in order
    virtual Timer after(Millis delay, Function<void()> work) = 0;  // on this executor's thread only
    virtual const Clock& clock() const = 0;
    virtual bool in_this_thread() const = 0;

    // Now if we are on the executor's thread, else as post().
    void dispatch(Function<void()> work) {
        if (in_this_thread())
            work();
        else
            post(std::move(work));
    }
};

}  // namespace parley
