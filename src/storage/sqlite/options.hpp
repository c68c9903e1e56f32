#pragma once

#include <cstddef>
#include <cstdint>

#include "base/clock.hpp"
#include "storage/sqlite/connection.hpp"

namespace parley::storage::sqlite {

struct Options {
    enum class Threads {
        own,     // a writer, readers and a checkpointer
        inline_  // none: each call is carried out and committed at once, its `done` still comes through the executor.
                 // For tests on a fake executor, and for small programs.
    };
    Threads threads = Threads::own;
    std::size_t readers = 2;

    // What may wait for the disk. Above it a write fails at once as "busy": its sender is told, nothing is dropped
    // silently.
    std::size_t queue_items = 16'384;
    std::size_t queue_bytes = 64 * 1024 * 1024;
    // One commit takes at most so many, or the first of a burst would wait for the last.
    std::size_t batch_items = 1024;
    // How long a write that nobody waits for may wait for company.
    Millis lazy_delay{100};
    std::size_t lazy_items = 512;
    // The log is moved into the database file when it has so many pages of 4 KiB. Larger: a page that changes often is
    // written less often; smaller: a shorter recovery.
    int checkpoint_pages = 4096;

    const Clock* clock = nullptr;  // for what expires; default: the system's
    Connection::Synchronous synchronous = Connection::Synchronous::full;
    std::int64_t max_pages = 0;  // PRAGMA max_page_count, to play a full disk; 0: none
};

struct DatabaseCounters {
    std::uint64_t commits = 0;
    std::uint64_t writes = 0;  // items committed or refused by their own work
    std::uint64_t reads = 0;
    std::uint64_t rolled_back = 0;  // batches that did not commit together
    std::uint64_t failed = 0;       // writes that the disk did not take
    std::uint64_t refused = 0;      // queue full
    std::uint64_t checkpoints = 0;
    std::uint64_t checkpoint_failures = 0;
    std::size_t largest_batch = 0;
    std::size_t queued = 0;
    int log_pages = 0;
};

}  // namespace parley::storage::sqlite
