#include "net/event_loop.hpp"

#include <csignal>
#include <list>
#include <map>
#include <optional>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "net/loop_io.hpp"

namespace parley::net {
namespace asio = boost::asio;

namespace {

thread_local const void* running_loop = nullptr;

using TimerKey = std::pair<std::chrono::steady_clock::time_point, std::uint64_t>;
using TimerQueue = std::map<TimerKey, Function<void()>>;

}  // namespace

struct EventLoop::Impl {
    explicit Impl(EventLoop& owner)
        : loop(owner), guard(asio::make_work_guard(*io)), wake(*io), poll_descriptor(*io, loop.io_->poller.fd()) {}

    EventLoop& loop;
    SystemClock clock;
    // 1: one thread runs it, so work posted from inside takes no lock.
    std::optional<asio::io_context> io{std::in_place, 1};
    asio::executor_work_guard<asio::io_context::executor_type> guard;
    // All timers are in our queue and Asio has one, for the first of them: a cancelled timer costs no system call, and
    // a Timer may outlive the loop.
    std::shared_ptr<TimerQueue> timers = std::make_shared<TimerQueue>();
    std::uint64_t next_timer = 0;
    std::optional<std::chrono::steady_clock::time_point> armed;
    asio::steady_timer wake;
    asio::posix::stream_descriptor poll_descriptor;
    struct Signal {
        Signal(asio::io_context& context, int signal, Function<void()> then)
            : set(context, signal), work(std::move(then)) {}
        asio::signal_set set;
        Function<void()> work;
    };
    std::list<Signal> signals;
    std::thread thread;

    void arm() {
        if (timers->empty()) return;
        const auto first = timers->begin()->first.first;
        if (armed && *armed <= first) return;  // wakes too early at worst
        armed = first;
        wake.expires_at(first);
        wake.async_wait([this](const boost::system::error_code& error) {
            if (!error) run_timers();
        });
    }

    void run_timers() {
        armed.reset();
        const auto now = std::chrono::steady_clock::now();
        while (!timers->empty() && timers->begin()->first.first <= now) {
            auto due = timers->extract(timers->begin());
            due.mapped()();
        }
        arm();
    }

    void wait_for_sockets() {
        poll_descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                   [this](const boost::system::error_code& error) {
                                       if (error) return;
                                       loop.io_->dispatch();
                                       wait_for_sockets();
                                   });
    }

    void wait_for(Signal& signal) {
        signal.set.async_wait([this, &signal](const boost::system::error_code& error, int) {
            if (error) return;
            signal.work();
            wait_for(signal);
        });
    }
};

namespace {

struct QueuedTimer final : Timer::State {
    QueuedTimer(EventLoop& loop, std::weak_ptr<TimerQueue> timers, TimerKey key)
        : loop_(loop), timers_(std::move(timers)), key_(key) {}

    void cancel() override {
        const auto timers = timers_.lock();
        if (!timers) return;  // the loop has gone, and the call with it
        if (loop_.in_this_thread()) {
            const auto work = timers->extract(key_);  // destroyed after the queue is in order: it may cancel others
        } else {
            loop_.post([weak = timers_, key = key_] {
                if (const auto queue = weak.lock()) const auto work = queue->extract(key);
            });
        }
    }

private:
    EventLoop& loop_;
    std::weak_ptr<TimerQueue> timers_;
    TimerKey key_;
};

}  // namespace

EventLoop::EventLoop() : io_(std::make_shared<LoopIo>()), impl_(std::make_unique<Impl>(*this)) {
    // A peer that has gone is an error of write(), not the end of the process.
    std::signal(SIGPIPE, SIG_IGN);
    impl_->wait_for_sockets();
}

EventLoop::~EventLoop() {
    stop();
    join();
    io_->close();
    // Objects that die here may cancel timers, post and leave the poller: each finds its part still standing.
    while (!impl_->timers->empty()) const auto dropped = impl_->timers->extract(impl_->timers->begin());
    impl_->timers.reset();
    impl_->signals.clear();
    impl_->wake.cancel();
    impl_->poll_descriptor.release();
    io_->close();
}

void EventLoop::run() {
    const auto* before = std::exchange(running_loop, this);
    impl_->io->run();
    running_loop = before;
}

void EventLoop::start() {
    impl_->thread = std::thread([this] { run(); });
}

void EventLoop::stop() {
    impl_->io->stop();
}

void EventLoop::join() {
    if (impl_->thread.joinable()) impl_->thread.join();
}

void EventLoop::post(Function<void()> work) {
    if (!io_->alive) return;
    asio::post(*impl_->io, [work = std::move(work)] { work(); });
}

Timer EventLoop::after(Millis delay, Function<void()> work) {
    if (!io_->alive) return {};
    const TimerKey key{std::chrono::steady_clock::now() + std::max(delay, Millis{0}), impl_->next_timer++};
    impl_->timers->emplace(key, std::move(work));
    impl_->arm();
    return Timer(std::make_unique<QueuedTimer>(*this, impl_->timers, key));
}

const Clock& EventLoop::clock() const {
    return impl_->clock;
}

bool EventLoop::in_this_thread() const {
    return running_loop == this;
}

void EventLoop::on_signal(int signal, Function<void()> work) {
    auto& added = impl_->signals.emplace_back(*impl_->io, signal, std::move(work));
    impl_->wait_for(added);
}

}  // namespace parley::net
