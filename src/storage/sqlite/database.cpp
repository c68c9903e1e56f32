#include "storage/sqlite/database.hpp"

#include <algorithm>

#include <sqlite3.h>

#include "base/crash_point.hpp"

namespace parley::storage::sqlite {
namespace {

constexpr std::size_t reads_at_once = 8;

const Clock& clock_of(const Options& options) {
    static const SystemClock system;
    return options.clock ? *options.clock : system;
}

}  // namespace

Result<std::unique_ptr<Database>> Database::open(const std::string& path, const Options& options) {
    std::unique_ptr<Database> database(new Database(path, options));
    if (auto done = database->start(); !done) return done.error();
    return database;
}

Result<void> Database::start() {
    const auto open_one = [this](Connection::Mode mode) { return Connection::open(path_, mode, options_.synchronous); };
    auto writer = open_one(Connection::Mode::write);
    if (!writer) return writer.error();
    write_connection_ = *std::move(writer);
    if (options_.max_pages > 0) {
        auto done = write_connection_->execute("PRAGMA max_page_count = " + std::to_string(options_.max_pages));
        if (!done) return done;
    }
    state_ = std::make_unique<WriteState>(*write_connection_);
    if (auto done = state_->load(clock_of(options_).wall()); !done) return done;
    sqlite3_wal_hook(write_connection_->handle(), &Database::on_commit, this);
    checkpoint_at_ = options_.checkpoint_pages;

    auto checkpointer = open_one(Connection::Mode::write);
    if (!checkpointer) return checkpointer.error();
    checkpoint_connection_ = *std::move(checkpointer);
    if (options_.threads == Options::Threads::inline_) return {};
    for (std::size_t i = 0; i < std::max<std::size_t>(options_.readers, 1); ++i) {
        auto reader = open_one(Connection::Mode::read);
        if (!reader) return reader.error();
        read_connections_.push_back(*std::move(reader));
    }
    writer_ = std::thread([this] { writer_loop(); });
    checkpointer_ = std::thread([this] { checkpoint_loop(); });
    for (auto& connection : read_connections_)
        readers_.emplace_back([this, reader = connection.get()] { reader_loop(*reader); });
    return {};
}

Database::~Database() {
    {
        const std::lock_guard lock(life_->mutex);
        life_->over = true;
    }
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    write_wanted_.notify_all();
    checkpoint_wanted_.notify_all();
    if (writer_.joinable()) writer_.join();
    {
        const std::lock_guard lock(mutex_);
        writer_done_ = true;  // the readers may have got their last work from the writer
    }
    read_wanted_.notify_all();
    for (auto& reader : readers_) reader.join();
    if (checkpointer_.joinable()) checkpointer_.join();
}

void Database::submit_write(ItemPtr item, Urgency urgency) {
    if (options_.threads == Options::Threads::inline_) {
        Batch batch;
        batch.push_back(std::move(item));
        commit(batch);
        deliver(std::move(batch));
        if (log_pages_ >= options_.checkpoint_pages) (void)checkpoint_once();
        return;
    }
    Executor& executor = item->executor();
    const bool own_turn = executor.in_this_thread();
    bool wake = false, wake_soon = false;
    {
        const std::lock_guard lock(mutex_);
        const bool full = queue_.size() >= options_.queue_items || queued_bytes_ + item->bytes() > options_.queue_bytes;
        if (!full || item->bytes() == 0) {
            queued_bytes_ += item->bytes();
            queue_.push_back({std::move(item), false});
            if (urgency == Urgency::now || queue_.size() >= options_.lazy_items) urgent_ = true;
            // A write that may wait does not wake a writer that is going to look by itself within the delay.
            const bool wanted = (urgent_ || writer_sleeps_) && writer_waits_;
            if (wanted && !own_turn) {
                writer_waits_ = false;
                wake = true;
            } else if (wanted && std::find(will_wake_.begin(), will_wake_.end(), &executor) == will_wake_.end()) {
                will_wake_.push_back(&executor);
                wake_soon = true;
            }
        } else {
            ++counters_.refused;
        }
    }
    if (wake) write_wanted_.notify_one();
    if (wake_soon) wake_writer_soon(executor);
    if (item) refuse(std::move(item));
}

// What one turn of a loop writes, and the next that is already due, is one commit: a writer that is woken by the first
// of it would commit that alone. Nobody waits for a timer.
void Database::wake_writer_soon(Executor& executor) {
    executor.post([this, life = life_, executor = &executor] {
        const std::lock_guard living(life->mutex);
        if (life->over) return;
        bool wake = false;
        {
            const std::lock_guard lock(mutex_);
            std::erase(will_wake_, executor);
            wake = (urgent_ || (writer_sleeps_ && !queue_.empty())) && std::exchange(writer_waits_, false);
        }
        if (wake) write_wanted_.notify_one();
    });
}

void Database::submit_read(ItemPtr item) {
    if (options_.threads == Options::Threads::inline_) {
        item->run(nullptr, *write_connection_);
        ++counters_.reads;
        Batch batch;
        batch.push_back(std::move(item));
        deliver(std::move(batch));
        return;
    }
    bool wake_writer = false, wake_reader = false;
    {
        const std::lock_guard lock(mutex_);
        if (reads_.size() - next_read_ >= options_.queue_items) {
            ++counters_.refused;
        } else if (queue_.empty() && !committing_) {
            reads_.push_back(std::move(item));
            wake_reader = !std::exchange(reader_called_, true);
        } else {  // behind the writes that it must see
            queue_.push_back({std::move(item), true});
            urgent_ = true;
            wake_writer = std::exchange(writer_waits_, false);
        }
    }
    if (wake_writer) write_wanted_.notify_one();
    if (wake_reader) read_wanted_.notify_one();
    if (item) refuse(std::move(item));
}

void Database::refuse(ItemPtr item) {
    item->fail(Error{Errc::storage, "busy: too much waits for the disk"});
    Batch batch;
    batch.push_back(std::move(item));
    deliver(std::move(batch));
}

bool Database::wait_for_writes(std::vector<Queued>& batch) {
    std::unique_lock lock(mutex_);
    committing_ = false;
    bool lingered = false;
    while (!urgent_ && !stopping_ && (queue_.empty() || !lingered)) {
        writer_waits_ = true;
        writer_sleeps_ = lingered && queue_.empty();
        if (writer_sleeps_) {
            write_wanted_.wait(lock);
            lingered = false;
        } else {
            lingered = write_wanted_.wait_for(lock, options_.lazy_delay) == std::cv_status::timeout;
        }
    }
    writer_waits_ = writer_sleeps_ = false;
    will_wake_.clear();
    if (queue_.empty()) return !stopping_;
    if (queue_.size() <= options_.batch_items) {
        batch.swap(queue_);
        urgent_ = false;
    } else {
        const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(options_.batch_items);
        std::move(queue_.begin(), end, std::back_inserter(batch));
        queue_.erase(queue_.begin(), end);
        urgent_ = true;
    }
    for (const auto& queued : batch) queued_bytes_ -= queued.item->bytes();
    committing_ = true;
    return true;
}

void Database::writer_loop() {
    std::vector<Queued> taken;
    Batch writes, reads;
    while (wait_for_writes(taken)) {
        for (auto& queued : taken) (queued.is_read ? reads : writes).push_back(std::move(queued.item));
        taken.clear();
        if (!writes.empty()) {
            commit(writes);
            deliver(std::exchange(writes, {}));
        }
        if (reads.empty()) continue;
        bool wake_reader = false;
        {
            const std::lock_guard lock(mutex_);
            std::move(reads.begin(), reads.end(), std::back_inserter(reads_));
            wake_reader = !std::exchange(reader_called_, true);
        }
        if (wake_reader) read_wanted_.notify_one();
        reads.clear();
    }
}

void Database::commit(Batch& batch) {
    bool together = false;
    {
        const std::lock_guard transaction(transaction_);
        together = commit_together(batch);
    }
    if (!together) commit_one_by_one(batch);
    bool checkpoint_now = false;
    {
        const std::lock_guard lock(mutex_);
        counters_.writes += batch.size();
        counters_.largest_batch = std::max(counters_.largest_batch, batch.size());
        checkpoint_now = log_pages_ >= checkpoint_at_;
    }
    if (checkpoint_now) checkpoint_wanted_.notify_one();
}

// False: nothing of it is there.
bool Database::commit_together(Batch& batch) {
    auto& db = *write_connection_;
    auto done = db.prepare("BEGIN IMMEDIATE").run();
    if (done) {
        for (auto& item : batch) {
            item->run(state_.get(), db);
            if (!db.in_transaction()) break;  // disk full or worse: SQLite has rolled back by itself
        }
        if (!db.in_transaction())
            done = Error{Errc::storage, "the transaction was rolled back"};
        else
            done = state_->before_commit(clock_of(options_).wall());
        if (done) {
            crash_point("store.before_commit");
            done = db.prepare("COMMIT").run();
        }
    }
    if (done) {
        crash_point("store.after_commit");
        state_->committed();
        const std::lock_guard lock(mutex_);
        ++counters_.commits;
        return true;
    }
    if (db.in_transaction()) (void)db.prepare("ROLLBACK").run();
    state_->rolled_back();
    const std::lock_guard lock(mutex_);
    ++counters_.rolled_back;
    if (batch.size() > 1) return false;
    batch.front()->fail(done.error());
    ++counters_.failed;
    return true;  // said what there is to say
}

// One row that does not fit must not take the others with it.
void Database::commit_one_by_one(Batch& batch) {
    Batch one(1);
    for (auto& item : batch) {
        one.front() = std::move(item);
        {
            const std::lock_guard transaction(transaction_);
            (void)commit_together(one);
        }
        item = std::move(one.front());
    }
}

void Database::reader_loop(Connection& connection) {
    Batch batch;
    for (;;) {
        bool wake_another = false;
        {
            std::unique_lock lock(mutex_);
            read_wanted_.wait(lock, [this] { return next_read_ < reads_.size() || writer_done_; });
            if (next_read_ == reads_.size()) return;
            const auto end = std::min(reads_.size(), next_read_ + reads_at_once);
            while (next_read_ < end) batch.push_back(std::move(reads_[next_read_++]));
            counters_.reads += batch.size();
            reader_called_ = next_read_ < reads_.size();
            wake_another = reader_called_;
            if (!wake_another) {
                reads_.clear();
                next_read_ = 0;
            }
        }
        if (wake_another) read_wanted_.notify_one();
        for (auto& item : batch) item->run(nullptr, connection);
        deliver(std::exchange(batch, {}));
    }
}

// One post for all that goes back to the same executor.
void Database::deliver(Batch batch) {
    std::erase_if(batch, [](const ItemPtr& item) { return !item->awaited(); });
    while (!batch.empty()) {
        Executor& executor = batch.front()->executor();
        const auto others = std::stable_partition(
            batch.begin(), batch.end(), [&executor](const ItemPtr& item) { return &item->executor() == &executor; });
        Batch rest(std::make_move_iterator(others), std::make_move_iterator(batch.end()));
        batch.erase(others, batch.end());
        executor.post([items = std::move(batch)] {
            for (const auto& item : items) item->complete();
        });
        batch = std::move(rest);
    }
}

int Database::on_commit(void* self, sqlite3*, const char*, int pages) {
    auto& database = *static_cast<Database*>(self);
    const std::lock_guard lock(database.mutex_);
    if (pages < database.log_pages_)
        database.checkpoint_at_ = database.options_.checkpoint_pages;  // the log has begun anew
    database.log_pages_ = pages;
    return SQLITE_OK;
}

// The log is written from its beginning again only when all of it has been moved, and under load it grows while it is
// moved. So: the bulk beside the writer, then the little that has come in the meantime with the writer held.
Result<void> Database::checkpoint_once() {
    const std::lock_guard one_at_a_time(checkpointing_);
    sqlite3* const db = checkpoint_connection_->handle();
    for (const bool hold_writer : {false, false, true}) {
        std::unique_lock transaction(transaction_, std::defer_lock);
        if (hold_writer) transaction.lock();
        const int code = sqlite3_wal_checkpoint_v2(db, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
        if (code != SQLITE_OK && code != SQLITE_BUSY) {
            auto error = last_error(db, code);
            const std::lock_guard lock(mutex_);
            ++counters_.checkpoint_failures;
            return error;
        }
    }
    const std::lock_guard lock(mutex_);
    ++counters_.checkpoints;
    return {};
}
Result<void> Database::checkpoint() {
    return checkpoint_once();
}

void Database::checkpoint_loop() {
    std::unique_lock lock(mutex_);
    for (;;) {
        checkpoint_wanted_.wait(lock, [this] { return stopping_ || log_pages_ >= checkpoint_at_; });
        if (stopping_) return;
        const int before = log_pages_;
        lock.unlock();
        (void)checkpoint_once();
        lock.lock();
        // A reader that was busy in the log may have kept it from being finished: then not again at every commit.
        checkpoint_at_ =
            std::max(options_.checkpoint_pages, std::max(before, log_pages_) + options_.checkpoint_pages / 4);
    }
}

DatabaseCounters Database::counters() const {
    const std::lock_guard lock(mutex_);
    auto counters = counters_;
    counters.queued = queue_.size();
    counters.log_pages = log_pages_;
    return counters;
}

}  // namespace parley::storage::sqlite
