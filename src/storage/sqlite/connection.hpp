#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/error.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace parley::storage::sqlite {

// SQL text that lives as long as the program: its address is the key of the statement cache.
class Sql {
public:
    consteval Sql(const char* text) : text_(text) {}
    const char* text() const { return text_; }

private:
    const char* text_;
};

// A prepared statement, borrowed from its connection's cache for one use; it is reset when this goes away. What is
// bound must outlive it. A statement that could not be prepared says so at step().
class Statement {
public:
    Statement(sqlite3* db, sqlite3_stmt* statement) : db_(db), statement_(statement) {}
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;
    ~Statement();

    Statement& bind(int index, std::int64_t value);  // indexes from 1
    Statement& bind(int index, std::string_view text);
    Statement& bind_blob(int index, std::string_view bytes);
    Statement& bind_null(int index);
    Result<bool> step();  // true: there is a row
    Result<void> run();   // to the end, rows ignored
    void reset();         // for the next round with new values

    std::int64_t integer(int column) const;   // columns from 0
    std::string_view text(int column) const;  // text or blob, until the next step
    bool is_null(int column) const;

private:
    sqlite3* db_;
    sqlite3_stmt* statement_;
};

// One connection to the database file, for one thread.
class Connection {
public:
    enum class Mode { write, read };
    enum class Synchronous { full, off };  // off: only to prove that the power-cut test can fail

    static Result<std::unique_ptr<Connection>> open(const std::string& path, Mode mode, Synchronous synchronous);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    Statement prepare(Sql sql);
    Result<void> execute(const std::string& script);  // several statements, not cached: schema and pragmas
    Result<std::int64_t> query_integer(const std::string& sql);
    std::int64_t changes() const;  // rows of the last INSERT, UPDATE or DELETE
    bool in_transaction() const;   // false also after SQLite has rolled back by itself
    sqlite3* handle() const { return db_; }

private:
    explicit Connection(sqlite3* db) : db_(db) {}
    sqlite3* db_;
    std::unordered_map<const char*, sqlite3_stmt*> statements_;
};

// What went wrong last on `db`. A failed fsync ends the process at once: after it the kernel may have dropped the pages
// and the next fsync would lie, while a restart recovers from the log.
Error last_error(sqlite3* db, int code);

// One item of a batch that has several statements: what it did goes away unless release() is reached, the rest of the
// batch stays. An item with a single writing statement needs none, SQLite undoes a failed statement by itself.
class Savepoint {
public:
    explicit Savepoint(Connection& connection);
    Savepoint(const Savepoint&) = delete;
    Savepoint& operator=(const Savepoint&) = delete;
    ~Savepoint();
    Result<void> release();

private:
    Connection& connection_;
    bool open_;
};

// Several SELECTs on one snapshot.
class ReadTransaction {
public:
    explicit ReadTransaction(Connection& connection);
    ReadTransaction(const ReadTransaction&) = delete;
    ReadTransaction& operator=(const ReadTransaction&) = delete;
    ~ReadTransaction();

private:
    Connection& connection_;
    bool open_;
};

}  // namespace parley::storage::sqlite
