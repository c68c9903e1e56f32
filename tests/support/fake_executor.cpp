#include "tests/support/fake_executor.hpp"

#include <map>
#include <stdexcept>
#include <utility>

namespace parley::test {

struct FakeExecutor::World {
    struct Item {
        FakeExecutor* owner;
        Function<void()> work;
    };
    using Key = std::pair<Millis, std::uint64_t>;  // when, then in the order given

    FakeClock clock;
    std::map<Key, Item> queue;
    std::uint64_t next_sequence = 0;
    FakeExecutor* running = nullptr;

    Key add(FakeExecutor* owner, Millis delay, Function<void()> work) {
        const Key key{clock.elapsed() + std::max(delay, Millis{0}), next_sequence++};
        queue.emplace(key, Item{owner, std::move(work)});
        return key;
    }

    std::size_t run() {
        constexpr std::size_t limit = 1'000'000;
        std::size_t count = 0;
        while (!queue.empty() && queue.begin()->first.first <= clock.elapsed()) {
            auto item = std::move(queue.extract(queue.begin()).mapped());
            if (++count > limit) throw std::runtime_error("FakeExecutor: work without end");
            struct Restore {
                FakeExecutor*& where;
                FakeExecutor* before;
                ~Restore() { where = before; }
            } restore{running, std::exchange(running, item.owner)};
            item.work();
            item.work = nullptr;  // what it holds is destroyed on "its thread" too
        }
        return count;
    }
};

struct FakeExecutor::PendingTimer final : Timer::State {
    PendingTimer(std::shared_ptr<World> world, World::Key key) : world_(std::move(world)), key_(key) {}
    void cancel() override { world_->queue.erase(key_); }

private:
    std::shared_ptr<World> world_;
    World::Key key_;
};

FakeExecutor::FakeExecutor() : world_(std::make_shared<World>()) {}
FakeExecutor::FakeExecutor(FakeExecutor& same_world) : world_(same_world.world_) {}

FakeExecutor::~FakeExecutor() {
    // Destroying work may add or cancel work: take one at a time.
    for (;;) {
        auto it = world_->queue.begin();
        while (it != world_->queue.end() && it->second.owner != this) ++it;
        if (it == world_->queue.end()) return;
        const auto dropped = world_->queue.extract(it);
    }
}

void FakeExecutor::post(Function<void()> work) {
    world_->add(this, Millis{0}, std::move(work));
}

Timer FakeExecutor::after(Millis delay, Function<void()> work) {
    const auto key = world_->add(this, delay, std::move(work));
    return Timer(std::make_unique<PendingTimer>(world_, key));
}

const Clock& FakeExecutor::clock() const {
    return world_->clock;
}
FakeClock& FakeExecutor::fake_clock() {
    return world_->clock;
}
bool FakeExecutor::in_this_thread() const {
    return world_->running == nullptr || world_->running == this;
}
std::size_t FakeExecutor::run_until_idle() {
    return world_->run();
}
std::size_t FakeExecutor::pending() const {
    return world_->queue.size();
}

std::size_t FakeExecutor::advance(Millis by) {
    const auto end = world_->clock.elapsed() + by;
    std::size_t count = world_->run();
    while (!world_->queue.empty() && world_->queue.begin()->first.first <= end) {
        world_->clock.advance(world_->queue.begin()->first.first - world_->clock.elapsed());
        count += world_->run();
    }
    world_->clock.advance(end - world_->clock.elapsed());
    return count;
}

Millis FakeExecutor::next_timer() const {
    return world_->queue.empty() ? Millis{-1} : world_->queue.begin()->first.first - world_->clock.elapsed();
}

}  // namespace parley::test
