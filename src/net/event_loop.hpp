#pragma once

#include <memory>

#include "base/executor.hpp"

namespace parley::net {

class LoopIo;

// An Executor with a thread: one epoll set for the sockets, one queue of timers, one of posted work. A shard of the
// server is one of these. Create, start(), and at the end stop() and destroy; what waits then is dropped, not run.
//
// Nothing may be posted while it is being destroyed; connections and timers of it may be destroyed later than it.
class EventLoop final : public Executor {
public:
    EventLoop();
    ~EventLoop() override;  // stop() and join()
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

    void run();    // on the calling thread, until stop()
    void start();  // the same on a thread of its own
    void stop();   // from any thread; a loop does not start again
    void join();   // waits for the thread of start()

    void post(Function<void()> work) override;
    Timer after(Millis delay, Function<void()> work) override;
    const Clock& clock() const override;
    bool in_this_thread() const override;

    // Runs `work` here each time the process gets `signal` (SIGTERM, SIGHUP): for main().
    void on_signal(int signal, Function<void()> work);

    // For net's own sockets.
    const std::shared_ptr<LoopIo>& io() const { return io_; }

private:
    struct Impl;
    std::shared_ptr<LoopIo> io_;
    std::unique_ptr<Impl> impl_;
};

}  // namespace parley::net
