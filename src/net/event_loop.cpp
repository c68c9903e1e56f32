#include "net/event_loop.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <map>
#include <mutex>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "net/loop_io.hpp"

namespace parley::net {
namespace {

thread_local EventLoop* running_loop = nullptr;

using TimerKey = std::pair<std::chrono::steady_clock::time_point, std::uint64_t>;
using TimerQueue = std::map<TimerKey, Function<void()>>;

constexpr Millis longest_sleep{60'000};

// What a signal handler may touch: the descriptor to write to, and that the signal has come.
struct SignalSlot {
    std::atomic<int> wake{-1};
    std::atomic<bool> came{false};
};
std::array<SignalSlot, 65> signal_slots;

void on_signal_raised(int signal) {
    const auto cause = errno;
    auto& slot = signal_slots[static_cast<std::size_t>(signal)];
    slot.came.store(true);
    const std::uint64_t one = 1;
    if (const int fd = slot.wake.load(); fd >= 0) (void)!::write(fd, &one, sizeof one);
    errno = cause;
}

// Ends a sleep in epoll_wait. Level-triggered: one write wakes once.
class Waker final : public Pollable {
public:
    Waker() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
        if (fd_ < 0) throw std::system_error(errno, std::system_category(), "eventfd");
    }
    ~Waker() override { ::close(fd_); }
    Waker(const Waker&) = delete;
    Waker& operator=(const Waker&) = delete;

    void wake() const {
        const std::uint64_t one = 1;
        (void)!::write(fd_, &one, sizeof one);
    }
    void on_ready(std::uint32_t) override {
        std::uint64_t count = 0;
        (void)!::read(fd_, &count, sizeof count);
    }
    int fd() const { return fd_; }

private:
    int fd_;
};

// What others post to a loop. Outlives it while somebody still has work for it.
struct Mailbox {
    const std::shared_ptr<Waker> waker = std::make_shared<Waker>();
    std::mutex mutex;  // guards what follows
    std::vector<Function<void()>> work;
    bool asleep = false;  // who posts has to wake it

    void wake() {
        {
            const std::lock_guard lock(mutex);
            if (!std::exchange(asleep, false)) return;
        }
        waker->wake();
    }
    void put(Function<void()> one) {
        {
            const std::lock_guard lock(mutex);
            work.push_back(std::move(one));
            if (!std::exchange(asleep, false)) return;
        }
        waker->wake();
    }
    void put(std::vector<Function<void()>>& many) {
        {
            const std::lock_guard lock(mutex);
            if (work.empty())
                work.swap(many);
            else
                work.insert(work.end(), std::make_move_iterator(many.begin()), std::make_move_iterator(many.end()));
            if (!std::exchange(asleep, false)) return many.clear();
        }
        many.clear();
        waker->wake();
    }
};

// What a loop posts to other loops in one turn goes out together at its end: one lock and at most one wake-up for each,
// instead of waking a thread for every stanza.
class Outgoing {
public:
    static constexpr std::size_t most = 256;  // then at once

    void put(const std::shared_ptr<Mailbox>& to, Function<void()> work) {
        auto parcel = std::find_if(parcels_.begin(), parcels_.end(), [&](const Parcel& p) { return p.to == to; });
        if (parcel == parcels_.end()) parcel = parcels_.insert(parcels_.end(), {to, {}});
        parcel->work.push_back(std::move(work));
        if (parcel->work.size() >= most) to->put(parcel->work);
    }
    void flush() {
        for (auto& parcel : parcels_)
            if (!parcel.work.empty()) parcel.to->put(parcel.work);
    }

private:
    struct Parcel {
        std::shared_ptr<Mailbox> to;
        std::vector<Function<void()>> work;
    };
    std::vector<Parcel> parcels_;
};

}  // namespace

struct EventLoop::Impl {
    struct Signal {
        int number;
        Function<void()> work;
        struct sigaction before {};
    };

    SystemClock clock;
    const std::shared_ptr<Mailbox> mailbox = std::make_shared<Mailbox>();
    Outgoing outgoing;
    // All timers are in this queue, and a Timer may outlive the loop.
    std::shared_ptr<TimerQueue> timers = std::make_shared<TimerQueue>();
    std::uint64_t next_timer = 0;
    std::vector<Function<void()>> own_work;  // posted by this loop's thread: no lock

    std::atomic<bool> stopped{false};

    std::vector<std::unique_ptr<Signal>> signals;
    std::thread thread;

    // Work that is posted meanwhile waits for the next turn, so that the sockets have theirs.
    void run_posted(std::vector<Function<void()>>& work) {
        work.clear();
        std::swap(work, own_work);
        for (auto& one : work) std::exchange(one, {})();
        work.clear();
        {
            const std::lock_guard lock(mailbox->mutex);
            std::swap(work, mailbox->work);
        }
        for (auto& one : work) std::exchange(one, {})();
    }

    void run_timers() {
        const auto now = std::chrono::steady_clock::now();
        while (!timers->empty() && timers->begin()->first.first <= now) {
            auto due = timers->extract(timers->begin());
            due.mapped()();
        }
    }

    void run_signals() {
        for (const auto& signal : signals)
            if (signal_slots[static_cast<std::size_t>(signal->number)].came.exchange(false)) signal->work();
    }

    // How long a turn may wait for sockets. Until begin_sleep() and end_sleep(), who posts has to wake us.
    Millis begin_sleep() {
        if (!own_work.empty()) return Millis{0};
        const std::lock_guard lock(mailbox->mutex);
        if (!mailbox->work.empty() || stopped) return Millis{0};
        auto wait = longest_sleep;
        if (!timers->empty()) {
            const auto left = timers->begin()->first.first - std::chrono::steady_clock::now();
            wait = std::clamp(std::chrono::ceil<Millis>(left), Millis{0}, longest_sleep);
        }
        mailbox->asleep = wait > Millis{0};
        return wait;
    }
    void end_sleep() {
        const std::lock_guard lock(mailbox->mutex);
        mailbox->asleep = false;
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

EventLoop::EventLoop() : io_(std::make_shared<LoopIo>()), impl_(std::make_unique<Impl>()) {
    // A peer that has gone is an error of write(), not the end of the process.
    std::signal(SIGPIPE, SIG_IGN);
    io_->poller.add(impl_->mailbox->waker->fd(), impl_->mailbox->waker, EPOLLIN);
}

EventLoop::~EventLoop() {
    stop();
    join();
    for (const auto& signal : impl_->signals) {
        ::sigaction(signal->number, &signal->before, nullptr);
        signal_slots[static_cast<std::size_t>(signal->number)].wake = -1;
    }
    io_->close();
    // Objects that die here may cancel timers, post and leave the poller: each finds its part still standing.
    while (!impl_->timers->empty()) const auto dropped = impl_->timers->extract(impl_->timers->begin());
    impl_->timers.reset();
    impl_->signals.clear();
    std::vector<Function<void()>> dropped;
    std::swap(dropped, impl_->own_work);
    dropped.clear();
    {
        const std::lock_guard lock(impl_->mailbox->mutex);
        std::swap(dropped, impl_->mailbox->work);
    }
    dropped.clear();
    io_->close();
}

void EventLoop::run() {
    auto* const before = std::exchange(running_loop, this);
    std::vector<Function<void()>> work;
    while (!impl_->stopped) {
        impl_->run_posted(work);
        impl_->run_timers();
        impl_->outgoing.flush();
        const auto wait = impl_->begin_sleep();
        const auto ready = io_->poller.wait(wait);
        if (wait > Millis{0}) impl_->end_sleep();
        io_->dispatch(ready);
        if (!impl_->signals.empty()) impl_->run_signals();
        impl_->outgoing.flush();
    }
    running_loop = before;
}

void EventLoop::start() {
    impl_->thread = std::thread([this] { run(); });
}

void EventLoop::stop() {
    impl_->stopped = true;
    impl_->mailbox->wake();
}

void EventLoop::join() {
    if (impl_->thread.joinable()) impl_->thread.join();
}

void EventLoop::post(Function<void()> work) {
    if (!io_->alive) return;
    if (in_this_thread()) {
        impl_->own_work.push_back(std::move(work));
        return;
    }
    if (running_loop)
        running_loop->impl_->outgoing.put(impl_->mailbox, std::move(work));
    else
        impl_->mailbox->put(std::move(work));
}

Timer EventLoop::after(Millis delay, Function<void()> work) {
    if (!io_->alive) return {};
    const TimerKey key{std::chrono::steady_clock::now() + std::max(delay, Millis{0}), impl_->next_timer++};
    impl_->timers->emplace(key, std::move(work));
    return Timer(std::make_unique<QueuedTimer>(*this, impl_->timers, key));
}

const Clock& EventLoop::clock() const {
    return impl_->clock;
}

bool EventLoop::in_this_thread() const {
    return running_loop == this;
}

void EventLoop::on_signal(int signal, Function<void()> work) {
    auto added = std::make_unique<Impl::Signal>();
    added->number = signal;
    added->work = std::move(work);
    signal_slots[static_cast<std::size_t>(signal)].wake = impl_->mailbox->waker->fd();
    struct sigaction action {};
    action.sa_handler = on_signal_raised;
    action.sa_flags = SA_RESTART;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(signal, &action, &added->before);
    impl_->signals.push_back(std::move(added));
}

}  // namespace parley::net
