// What is particular to this engine: its threads, its files, and what it does when they let it down.
#include "storage/sqlite/database.hpp"

#include <array>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <future>
#include <set>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/sqlite/engine.hpp"
#include "storage/sqlite/schema.hpp"
#include "tests/contract/store_fixture.hpp"

namespace parley::storage::sqlite {
namespace {

using test::jid;
using Appended = SpoolStore::Appended;

SpooledMessage message(const std::string& user, const std::string& origin, std::size_t size = 100) {
    SpooledMessage one;
    one.user = jid(user);
    one.from = jid("sender@example.org/desk");
    one.origin = origin;
    one.stanza = std::string(size, 'x');
    return one;
}

class DatabaseTest : public ::testing::Test {
protected:
    std::unique_ptr<Engine> open(const Options& options = {}) {
        auto engine = Engine::open(folder_.path(), options);
        if (!engine) throw std::runtime_error(engine.error().detail);
        return *std::move(engine);
    }
    std::string open_error() {
        auto engine = Engine::open(folder_.path());
        return engine ? "" : engine.error().detail;
    }
    std::string file(const std::string& name = "parley.db") { return folder_.path() + "/" + name; }

    test::TemporaryFolder folder_;
    test::QueueExecutor executor_;
};

TEST_F(DatabaseTest, TakesWritesFromManyThreadsAndTellsEachItsOwn) {
    constexpr int threads = 4;
    constexpr int each = 300;
    std::vector<std::set<std::int64_t>> ids(threads);
    std::array<test::QueueExecutor, threads> executors;
    auto engine = open();
    {
        std::vector<std::thread> running;
        for (int number = 0; number < threads; ++number)
            running.emplace_back([&, number] {
                const auto index = static_cast<std::size_t>(number);
                auto& executor = executors[index];
                const auto self = std::this_thread::get_id();
                auto stores = engine->stores_for(executor);
                std::size_t answers = 0;
                for (int i = 0; i < each; ++i)  // to the same users, so that the threads meet in the same rows
                    stores->spool().append(message("user" + std::to_string(i % 7) + "@example.com",
                                                   std::to_string(number) + "-" + std::to_string(i)),
                                           [&](Result<Appended> appended) {
                                               EXPECT_EQ(std::this_thread::get_id(), self);
                                               ids[index].insert(appended.value().id);
                                               ++answers;
                                           });
                EXPECT_TRUE(executor.run_until([&] { return answers == each; }));
            });
        for (auto& thread : running) thread.join();
    }
    std::set<std::int64_t> all;
    for (const auto& one : ids) all.insert(one.begin(), one.end());
    EXPECT_EQ(all.size(), std::size_t{threads * each});
    const auto counters = engine->database().counters();
    EXPECT_LT(counters.commits, std::uint64_t{threads * each}) << "they were to share commits";
    EXPECT_GT(counters.largest_batch, 1u);
}

TEST_F(DatabaseTest, PostsOnceForAllItemsOfABatch) {
    auto engine = open();
    auto stores = engine->stores_for(executor_);
    std::size_t answers = 0;
    constexpr std::size_t count = 500;
    for (std::size_t i = 0; i < count; ++i)
        stores->spool().append(message("bob@example.com", std::to_string(i)), [&](Result<Appended>) { ++answers; });
    ASSERT_TRUE(executor_.run_until([&] { return answers == count; }));
    // One for the answers, and one at most to wake the writer.
    EXPECT_LE(executor_.posts(), 2 * engine->database().counters().commits);
}

TEST_F(DatabaseTest, ARemovalSharesACommitWithOtherWritesOrComesByItself) {
    auto engine = open({.lazy_delay = Millis{30}});
    auto stores = engine->stores_for(executor_);
    std::optional<std::int64_t> id;
    stores->spool().append(message("bob@example.com", "o1"),
                           [&](Result<Appended> appended) { id = appended.value().id; });
    ASSERT_TRUE(executor_.run_until([&] { return id.has_value(); }));
    const auto before = std::chrono::steady_clock::now();
    bool removed = false;
    stores->spool().remove(jid("bob@example.com"), {*id}, [&](Result<void> done) { removed = done.has_value(); });
    ASSERT_TRUE(executor_.run_until([&] { return removed; }));  // nobody else writes: the delay ends the wait
    EXPECT_GE(std::chrono::steady_clock::now() - before, Millis{25});
}

TEST_F(DatabaseTest, OneBadItemLeavesTheRestOfItsBatch) {
    auto engine = open();
    std::string order;
    const auto insert = [&](std::int64_t id, char name) {
        engine->database().write<void>(
            executor_, 1, Urgency::now,
            [id](WriteState& state) -> Result<void> {
                Savepoint savepoint(state.db);
                auto first = state.db.prepare("INSERT INTO dialog (slot, key, record) VALUES (9, ?1, '')");
                if (auto ok = first.bind(1, id + 100).run(); !ok) return ok;
                auto second = state.db.prepare("INSERT INTO dialog (id, slot, key, record) VALUES (?1, 8, ?1, '')");
                if (auto ok = second.bind(1, id).run(); !ok) return ok;
                return savepoint.release();
            },
            [&order, name](Result<void> done) { order += done ? name : '!'; });
    };
    insert(1000, 'a');
    insert(1000, 'b');  // its second statement fails
    insert(2000, 'c');
    ASSERT_TRUE(executor_.run_until([&] { return order.size() == 3; }));
    EXPECT_EQ(order, "a!c");
    std::vector<DialogRow> rows;
    engine->stores_for(executor_)->dialogs().load(0, 1023, [&](Result<std::vector<DialogRow>> loaded) {
        rows = std::move(loaded).value();
        order += '.';
    });
    ASSERT_TRUE(executor_.run_until([&] { return order.size() == 4; }));
    EXPECT_EQ(rows.size(), 4u);
}

TEST_F(DatabaseTest, RefusesWhenTooMuchWaitsAndTakesRemovalsEvenThen) {
    Options options;
    options.queue_bytes = 10'000;
    auto engine = open(options);
    auto stores = engine->stores_for(executor_);
    // Holds the writer while the queue fills.
    std::promise<void> held, gate;
    std::size_t answers = 0, refused = 0;
    engine->database().write<void>(
        executor_, 0, Urgency::now,
        [&held, &gate](WriteState&) -> Result<void> {
            held.set_value();
            gate.get_future().wait();
            return {};
        },
        [&](Result<void>) { ++answers; });
    held.get_future().wait();
    for (int i = 0; i < 20; ++i)
        stores->spool().append(message("bob@example.com", std::to_string(i), 1000), [&](Result<Appended> appended) {
            ++answers;
            if (appended) return;
            EXPECT_EQ(appended.error().code, Errc::storage);
            EXPECT_NE(appended.error().detail.find("busy"), std::string::npos);
            ++refused;
        });
    bool removed = false;
    stores->spool().remove(jid("bob@example.com"), {1}, [&](Result<void> done) { removed = done.has_value(); });
    gate.set_value();
    ASSERT_TRUE(executor_.run_until([&] { return answers == 21 && removed; }));
    EXPECT_EQ(refused, 12u) << "eight of a thousand bytes and what surrounds them fit";
    EXPECT_EQ(engine->database().counters().refused, refused);
}

TEST_F(DatabaseTest, AFullDiskFailsTheWriteAndNotTheProcess) {
    for (const auto threads : {Options::Threads::own, Options::Threads::inline_}) {
        Options options;
        options.threads = threads;
        options.max_pages = 100;
        auto engine = open(options);
        auto stores = engine->stores_for(executor_);
        std::vector<std::int64_t> ids;
        std::size_t answers = 0, failed = 0;
        constexpr std::size_t count = 200;
        for (std::size_t i = 0; i < count; ++i)
            stores->spool().append(message("bob@example.com", std::to_string(i), 3000), [&](Result<Appended> appended) {
                ++answers;
                if (appended) return ids.push_back(appended->id);
                EXPECT_EQ(appended.error().code, Errc::storage);
                ++failed;
            });
        ASSERT_TRUE(executor_.run_until([&] { return answers == count; }));
        EXPECT_GT(failed, 0u);
        ASSERT_GT(ids.size(), 10u) << "what fitted was to be kept";
        // What was said to be stored is there, and room that is made is used again.
        std::optional<std::size_t> stored;
        stores->spool().usage(jid("bob@example.com"),
                              [&](Result<SpoolUsage> usage) { stored = usage.value().messages; });
        ASSERT_TRUE(executor_.run_until([&] { return stored.has_value(); }));
        EXPECT_EQ(*stored, ids.size());
        std::optional<bool> again;
        stores->spool().remove(jid("bob@example.com"), ids, [](Result<void> done) { EXPECT_TRUE(done); });
        stores->spool().append(message("bob@example.com", "after", 3000), [&](Result<Appended> appended) {
            again = appended.has_value() && !appended->duplicate;
        });
        ASSERT_TRUE(executor_.run_until([&] { return again.has_value(); }));
        EXPECT_TRUE(*again);
        stores.reset();
        engine.reset();
        ASSERT_EQ(::unlink(file().c_str()), 0);
    }
}

TEST_F(DatabaseTest, MovesTheLogIntoTheFileWhileWritesGoOn) {
    auto engine = open({.checkpoint_pages = 50});
    auto stores = engine->stores_for(executor_);
    std::size_t answers = 0;
    int largest = 0;
    for (std::size_t round = 1; round <= 200; ++round) {
        for (int i = 0; i < 5; ++i)
            stores->spool().append(message("bob@example.com", std::to_string(round) + "." + std::to_string(i), 2000),
                                   [&](Result<Appended> appended) { answers += appended.has_value(); });
        ASSERT_TRUE(executor_.run_until([&] { return answers == round * 5; }));
        largest = std::max(largest, engine->database().counters().log_pages);
    }
    EXPECT_GT(engine->database().counters().checkpoints, 1u);
    EXPECT_EQ(engine->database().counters().checkpoint_failures, 0u);
    EXPECT_LT(largest, 1000) << "without checkpoints it would be larger than what was written";
}

TEST_F(DatabaseTest, KeepsItsFilesPrivate) {
    std::ofstream(file()).close();  // made by hand, readable by all
    ASSERT_EQ(::chmod(file().c_str(), 0644), 0);
    auto engine = open();
    engine->secret("x");
    for (const auto* name : {"parley.db", "parley.db-wal", "parley.db-shm", "lock"}) {
        struct stat status {};
        ASSERT_EQ(::stat(file(name).c_str(), &status), 0) << name;
        EXPECT_EQ(status.st_mode & 0777, 0600u) << name;
    }
}

TEST_F(DatabaseTest, KeepsASecondOpenerOutAndSaysWho) {
    auto engine = open();
    auto second = Engine::open(folder_.path());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::conflict);
    EXPECT_NE(second.error().detail.find("in use by process " + std::to_string(::getpid()) + " ("), std::string::npos)
        << second.error().detail;
    engine.reset();
    EXPECT_EQ(open_error(), "");
}

TEST_F(DatabaseTest, SaysWhatIsWrongWithAFile) {
    struct Case {
        std::string name, needle;
        std::function<void()> damage;
    };
    const auto sql = [this](const std::string& script) {
        auto connection = Connection::open(file(), Connection::Mode::write, Connection::Synchronous::full);
        ASSERT_TRUE(connection);
        ASSERT_TRUE((*connection)->execute(script));
    };
    const auto overwrite = [this](long offset, std::size_t size) {
        std::fstream out(file(), std::ios::in | std::ios::out | std::ios::binary);
        out.seekp(offset);
        out << std::string(size, '\x5a');
    };
    for (const auto& c : {
             Case{"text instead of a database", "not a database",
                  [&] { std::ofstream(file()) << std::string(5000, 'z'); }},
             Case{"another program's", "another program", [&] { sql("PRAGMA application_id = 77"); }},
             Case{"a newer parley's", "newer parley (schema 999",
                  [&] { sql("INSERT INTO schema_version VALUES (999, 0)"); }},
             Case{"its first pages overwritten", "malformed", [&] { overwrite(100, 8000); }},
             Case{"cut off", "malformed", [&] { ASSERT_EQ(::truncate(file().c_str(), 5000), 0); }},
         }) {
        SCOPED_TRACE(c.name);
        ::unlink(file().c_str());
        open().reset();
        c.damage();
        const auto error = open_error();
        EXPECT_NE(error.find(c.needle), std::string::npos) << error;
        EXPECT_NE(error.find(file()), std::string::npos) << "it names the file: " << error;
        for (const auto* suffix : {"-wal", "-shm"}) ::unlink((file() + suffix).c_str());
    }
}

TEST_F(DatabaseTest, MigratesFromEveryOlderVersionAndTwiceDoesNothing) {
    for (int from = 0; from <= schema_version; ++from) {
        SCOPED_TRACE(from);
        ASSERT_TRUE(make_private_file(folder_.path(), "parley.db"));
        {
            auto connection = Connection::open(file(), Connection::Mode::write, Connection::Synchronous::full);
            ASSERT_TRUE(connection);
            ASSERT_TRUE(migrate_to(**connection, file(), from));
            EXPECT_EQ((*connection)->query_integer("SELECT count(*) FROM schema_version").value(), from);
            ASSERT_TRUE(migrate(**connection, file()));
            ASSERT_TRUE(migrate(**connection, file()));
            EXPECT_EQ((*connection)->query_integer("SELECT max(number) FROM schema_version").value(), schema_version);
        }
        EXPECT_EQ(open_error(), "");
        ::unlink(file().c_str());
    }
}

TEST_F(DatabaseTest, AFolderThatCannotBeMadeIsSaidSo) {
    const auto engine = Engine::open("/proc/parley");
    ASSERT_FALSE(engine);
    EXPECT_NE(engine.error().detail.find("/proc/parley"), std::string::npos) << engine.error().detail;
}

// Time that the test moves.
class SetClock final : public Clock {
public:
    SteadyTime now() const override { return {}; }
    TimePoint wall() const override { return wall_; }
    void advance(Millis by) { wall_ += by; }

private:
    TimePoint wall_{Millis{1'700'000'000'000}};
};

TEST_F(DatabaseTest, ForgetsOriginsAfterAWhile) {
    SetClock clock;
    Options options;
    options.threads = Options::Threads::inline_;
    options.clock = &clock;
    auto engine = open(options);
    auto stores = engine->stores_for(executor_);
    std::vector<std::pair<std::int64_t, bool>> seen;
    std::size_t calls = 0;
    const auto append = [&](const std::string& origin) {
        stores->spool().append(message("bob@example.com", origin), [&](Result<Appended> appended) {
            seen.emplace_back(appended.value().id, appended.value().duplicate);
        });
        EXPECT_TRUE(executor_.run_until([&, expected = ++calls] { return seen.size() == expected; }));
        return seen.back();
    };
    const auto remove = [&](std::int64_t id) {
        stores->spool().remove(jid("bob@example.com"), {id}, [](Result<void>) {});
    };
    remove(append("o1").first);
    clock.advance(RecentOrigins::kept - Millis{1});
    EXPECT_TRUE(append("o1").second);
    clock.advance(Millis{10});
    remove(append("o2").first);  // forgetting rides on the next removal
    EXPECT_FALSE(append("o1").second);
    EXPECT_TRUE(append("o2").second);
}

// The death of the process itself, at the two points that matter.
using DatabaseDeathTest = DatabaseTest;
TEST_F(DatabaseDeathTest, AKillBeforeTheCommitLosesItAndOneAfterItDoesNot) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");  // starts this program anew, which then reads the environment
    if (!std::getenv("PARLEY_TEST_FOLDER")) ::setenv("PARLEY_TEST_FOLDER", folder_.path().c_str(), 1);
    const std::string folder = std::getenv("PARLEY_TEST_FOLDER");
    const auto append = [this](const std::string& where) {
        auto engine = Engine::open(where);
        auto stores = (*engine)->stores_for(executor_);
        bool answered = false;
        stores->spool().append(message("bob@example.com", "o1"), [&](Result<Appended>) { answered = true; });
        executor_.run_until([&] { return answered; });
        std::_Exit(7);
    };
    struct Case {
        const char* point;
        std::size_t left;
    };
    for (const auto& c : {Case{"store.before_commit", 0}, Case{"store.after_commit", 1}}) {
        SCOPED_TRACE(c.point);
        ::setenv("PARLEY_CRASH_AT", c.point, 1);
        const std::string where = folder + "/" + c.point;
        EXPECT_EXIT(append(where), ::testing::KilledBySignal(SIGKILL), "");
        auto engine = Engine::open(where);
        ASSERT_TRUE(engine);
        std::optional<std::size_t> left;
        (*engine)->stores_for(executor_)->spool().usage(
            jid("bob@example.com"), [&](Result<SpoolUsage> usage) { left = usage.value().messages; });
        ASSERT_TRUE(executor_.run_until([&] { return left.has_value(); }));
        EXPECT_EQ(*left, c.left);
    }
    ::unsetenv("PARLEY_CRASH_AT");
    ::unsetenv("PARLEY_TEST_FOLDER");
}

}  // namespace
}  // namespace parley::storage::sqlite
