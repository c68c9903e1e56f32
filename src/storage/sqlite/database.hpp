#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/executor.hpp"
#include "storage/account_store.hpp"
#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/options.hpp"
#include "storage/sqlite/write_state.hpp"

namespace parley::storage::sqlite {

// One unit of work on its way to a thread of the database and back to the executor that asked for it.
class Item {
public:
    Item(Executor& executor, std::size_t bytes) : executor_(executor), bytes_(bytes) {}
    Item(const Item&) = delete;
    Item& operator=(const Item&) = delete;
    virtual ~Item() = default;
    virtual void run(WriteState* state,
                     Connection& connection) = 0;  // keeps its result; may be called again after a rollback
    virtual void fail(const Error& error) = 0;     // replaces the result
    virtual void complete() = 0;                   // gives the result to whoever waits; on the executor
    virtual bool awaited() const = 0;              // does anybody?
    Executor& executor() const { return executor_; }
    std::size_t bytes() const { return bytes_; }

private:
    Executor& executor_;
    std::size_t bytes_;
};

enum class Urgency {
    now,   // somebody waits for this to be on disk
    soon,  // may wait for Options::lazy_delay to share a commit: losing it in a crash is harmless
};

// SQLite behind queues. All writes go through one thread that commits whatever has queued during its last commit (group
// commit without a timer); reads run on connections of their own. Calls take effect in the order they are made, from
// whatever thread: a read sees every write that was asked for before it. `done` runs on the executor given, never
// inside the call. A write whose `done` has no error is on disk.
//
// Must be destroyed before the executors: the destructor finishes what is queued and posts the last `done`s.
class Database {
public:
    static Result<std::unique_ptr<Database>> open(const std::string& path, const Options& options);
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;
    ~Database();

    // `work`: Result<T>(WriteState&). Inside one transaction with others; an error from it means that it has left
    // nothing behind (Savepoint). It may be run a second time if the transaction was rolled back. `bytes`: about what
    // it holds, for the limit of the queue; 0: never refused.
    template <class T, class Work>
    void write(Executor& executor, std::size_t bytes, Urgency urgency, Work work, Done<T> done) {
        submit_write(std::make_unique<Write<T, Work>>(executor, bytes, std::move(work), std::move(done)), urgency);
    }
    // `work`: Result<T>(Connection&); it must not write.
    template <class T, class Work>
    void read(Executor& executor, Work work, Done<T> done) {
        submit_read(std::make_unique<Read<T, Work>>(executor, std::move(work), std::move(done)));
    }

    DatabaseCounters counters() const;
    // Moves what the log holds into the database file; from any thread, waits. For tests: it happens by itself.
    Result<void> checkpoint();

private:
    template <class T, class Work>
    class Write final : public Item {
    public:
        Write(Executor& executor, std::size_t bytes, Work work, Done<T> done)
            : Item(executor, bytes), work_(std::move(work)), done_(std::move(done)) {}
        void run(WriteState* state, Connection&) override { result_.emplace(work_(*state)); }
        void fail(const Error& error) override { result_.emplace(error); }
        void complete() override { done_(*std::move(result_)); }
        bool awaited() const override { return static_cast<bool>(done_); }

    private:
        Work work_;
        Done<T> done_;
        std::optional<Result<T>> result_;
    };
    template <class T, class Work>
    class Read final : public Item {
    public:
        Read(Executor& executor, Work work, Done<T> done)
            : Item(executor, 0), work_(std::move(work)), done_(std::move(done)) {}
        void run(WriteState*, Connection& connection) override { result_.emplace(work_(connection)); }
        void fail(const Error& error) override { result_.emplace(error); }
        void complete() override { done_(*std::move(result_)); }
        bool awaited() const override { return static_cast<bool>(done_); }

    private:
        Work work_;
        Done<T> done_;
        std::optional<Result<T>> result_;
    };
    using ItemPtr = std::unique_ptr<Item>;
    using Batch = std::vector<ItemPtr>;
    struct Queued {
        ItemPtr item;
        bool is_read = false;  // a read that waits for the writes before it
    };

    Database(std::string path, const Options& options) : path_(std::move(path)), options_(options) {}
    Result<void> start();
    void submit_write(ItemPtr item, Urgency urgency);
    void submit_read(ItemPtr item);
    void wake_writer_soon(Executor& executor);
    void writer_loop();
    void reader_loop(Connection& connection);
    void checkpoint_loop();
    bool wait_for_writes(std::vector<Queued>& batch);
    void commit(Batch& batch);
    bool commit_together(Batch& batch);
    void commit_one_by_one(Batch& batch);
    Result<void> checkpoint_once();
    static void refuse(ItemPtr item);
    static void deliver(Batch batch);
    static int on_commit(void* self, struct sqlite3*, const char*, int pages);

    const std::string path_;
    const Options options_;
    std::unique_ptr<Connection> write_connection_;
    std::unique_ptr<WriteState> state_;
    std::vector<std::unique_ptr<Connection>> read_connections_;
    std::unique_ptr<Connection> checkpoint_connection_;
    // Held during a transaction, and by the last step of a checkpoint, which needs a log that does not grow.
    std::mutex transaction_;
    std::mutex checkpointing_;

    mutable std::mutex mutex_;  // guards all that follows
    std::condition_variable write_wanted_, read_wanted_, checkpoint_wanted_;
    std::vector<Queued> queue_;
    std::size_t queued_bytes_ = 0;
    bool urgent_ = false;
    bool committing_ = false;
    bool writer_waits_ = false;
    std::vector<Executor*> will_wake_;  // in their next turn
    bool writer_sleeps_ = false;        // without a limit: also a write that may wait has to wake it
    std::vector<ItemPtr> reads_;        // newest at the back
    std::size_t next_read_ = 0;
    bool reader_called_ = false;  // one is on its way to look at reads_: it will call the next if it leaves some
    int log_pages_ = 0;
    int checkpoint_at_ = 0;
    bool stopping_ = false;
    bool writer_done_ = false;
    DatabaseCounters counters_;

    struct Life {
        std::mutex mutex;  // never taken with another one held
        bool over = false;
    };
    std::shared_ptr<Life> life_ = std::make_shared<Life>();  // for what executors still do when we have gone

    std::thread writer_, checkpointer_;
    std::vector<std::thread> readers_;
};

}  // namespace parley::storage::sqlite
