// What tests/powercut/run runs under the journal, and what it opens each remainder with.
//   powercut_work work FOLDER SEED COUNT   appends and removes messages, telling the journal what was asked and what
//   was answered powercut_work check FOLDER             opens the store as parley would and prints "rows N"; exit 1
//   when it cannot
// PARLEY_TEST_SYNCHRONOUS=OFF takes away the syncs, to show that the test then fails.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "base/random.hpp"
#include "base/text.hpp"
#include "storage/sqlite/engine.hpp"
#include "tests/contract/store_fixture.hpp"

extern "C" __attribute__((weak)) void powercut_mark(const char* text, std::size_t size);

namespace {

using namespace parley;

void mark(const std::string& text) {
    if (powercut_mark) powercut_mark(text.data(), text.size());
}

storage::sqlite::Options options() {
    storage::sqlite::Options options;
    options.checkpoint_pages = 150;  // many checkpoints
    options.lazy_delay = Millis{2};
    const char* const synchronous = std::getenv("PARLEY_TEST_SYNCHRONOUS");
    if (synchronous && std::string_view(synchronous) == "OFF")
        options.synchronous = storage::sqlite::Connection::Synchronous::off;
    return options;
}

class Work {
public:
    Work(storage::sqlite::Engine& engine, test::QueueExecutor& executor, std::uint64_t seed)
        : executor_(executor), stores_(engine.stores_for(executor)), random_(seed) {}

    // Rounds of a few appends each, some acknowledged messages removed: as a server has it.
    void run(std::size_t count) {
        while (sent_ < count) {
            const auto now = 1 + random_.below(random_.below(8) == 0 ? 60 : 6);
            for (std::uint64_t i = 0; i < now; ++i) append();
            if (random_.below(2) == 0) executor_.run_until([this] { return answered_ == sent_; });
            for (int i = 0; i < 4 && !stored_.empty(); ++i)
                if (random_.below(3) != 0) remove();
        }
        executor_.run_until([this] { return answered_ == sent_ && removals_ == 0; });
    }

private:
    void append() {
        storage::SpooledMessage message;
        const auto user = "user" + std::to_string(random_.below(20)) + "@example.com";
        message.user = test::jid(user);
        message.from = test::jid("sender@example.org/desk");
        message.origin = "origin-" + std::to_string(sent_++);
        const auto size = 1 + random_.below(random_.below(16) == 0 ? 9000 : 700);
        // The checker computes the same from the origin.
        for (std::uint64_t i = 0; i < size; ++i) message.stanza += message.origin[i % message.origin.size()];
        const auto origin = message.origin;
        mark("received " + origin + ' ' + std::to_string(size));
        stores_->spool().append(std::move(message), [this, user, origin](Result<storage::SpoolStore::Appended> done) {
            ++answered_;
            if (!done) return mark("refused " + origin);
            stored_.emplace(done->id, user);
            mark("stored " + origin + ' ' + std::to_string(done->id));
        });
    }
    void remove() {
        const auto row = stored_.begin();
        const auto id = row->first;
        const auto text = std::to_string(id);
        mark("removing " + text);
        ++removals_;
        stores_->spool().remove(test::jid(row->second), {id}, [this, text](Result<void> done) {
            --removals_;
            if (done) mark("removed " + text);
        });
        stored_.erase(row);
    }

    test::QueueExecutor& executor_;
    std::unique_ptr<storage::Stores> stores_;
    SeededRandom random_;
    std::map<std::int64_t, std::string> stored_;
    std::size_t sent_ = 0, answered_ = 0, removals_ = 0;
};

int check(storage::sqlite::Engine& engine, test::QueueExecutor& executor) {
    std::size_t rows = 0, answers = 0;
    const auto stores = engine.stores_for(executor);
    for (int i = 0; i < 20; ++i)
        stores->spool().load(test::jid("user" + std::to_string(i) + "@example.com"), 0, 100'000,
                             [&](Result<std::vector<storage::SpooledMessage>> messages) {
                                 if (!messages) {
                                     std::fprintf(stderr, "%s\n", messages.error().detail.c_str());
                                     std::exit(1);
                                 }
                                 rows += messages->size();
                                 ++answers;
                             });
    executor.run_until([&] { return answers == 20; });
    std::printf("rows %zu\n", rows);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view mode = argc > 2 ? argv[1] : "";
    if (mode != "check" && !(mode == "work" && argc == 5)) {
        std::fprintf(stderr, "usage: %s work FOLDER SEED COUNT | check FOLDER\n", argv[0]);
        return 2;
    }
    test::QueueExecutor executor;
    auto engine = storage::sqlite::Engine::open(argv[2], options());
    if (!engine) {
        std::fprintf(stderr, "%s\n", engine.error().detail.c_str());
        return 1;
    }
    if (mode == "check") return check(**engine, executor);
    const auto seed = parse_number<std::uint64_t>(argv[3]);
    const auto count = parse_number<std::size_t>(argv[4]);
    if (!seed || !count) return 2;
    Work(**engine, executor, *seed).run(*count);
    std::fflush(nullptr);
    std::_Exit(0);  // the power goes while all is open
}
