#include "storage/sqlite/connection.hpp"

#include <cstdio>
#include <cstdlib>
#include <mutex>

#include <sqlite3.h>

namespace parley::storage::sqlite {
namespace {

// Only other programs (an administrator's sqlite3 shell) can hold a lock that we wait for.
constexpr int busy_timeout_ms = 5000;

int length_of(std::string_view text) {
    return static_cast<int>(text.size());
}

[[noreturn]] void die_of_failed_sync(const char* what) {
    std::fprintf(stderr, "parley: the disk failed to sync (%s); stopping so that a restart recovers from the log\n",
                 what);
    std::abort();
}

}  // namespace

Error last_error(sqlite3* db, int code) {
    const char* const text = db ? sqlite3_errmsg(db) : sqlite3_errstr(code);
    if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC) die_of_failed_sync(text);
    return Error{Errc::storage, std::string(text) + " (SQLite " + std::to_string(code) + ")"};
}

Statement::~Statement() {
    if (!statement_) return;
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
}
Statement& Statement::bind(int index, std::int64_t value) {
    sqlite3_bind_int64(statement_, index, value);
    return *this;
}
Statement& Statement::bind(int index, std::string_view text) {
    // An empty view may have no address, which would bind NULL.
    sqlite3_bind_text(statement_, index, text.empty() ? "" : text.data(), length_of(text), SQLITE_STATIC);
    return *this;
}
Statement& Statement::bind_blob(int index, std::string_view bytes) {
    sqlite3_bind_blob(statement_, index, bytes.empty() ? "" : bytes.data(), length_of(bytes), SQLITE_STATIC);
    return *this;
}
Statement& Statement::bind_null(int index) {
    sqlite3_bind_null(statement_, index);
    return *this;
}
Result<bool> Statement::step() {
    if (!statement_) return last_error(db_, sqlite3_extended_errcode(db_));
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return last_error(db_, code);
}
Result<void> Statement::run() {
    for (;;) {
        const auto more = step();
        if (!more) return more.error();
        if (!*more) return {};
    }
}
void Statement::reset() {
    if (statement_) sqlite3_reset(statement_);
}
std::int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(statement_, column);
}
bool Statement::is_null(int column) const {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}
std::string_view Statement::text(int column) const {
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    return bytes ? std::string_view{bytes, size} : std::string_view{};
}

Result<std::unique_ptr<Connection>> Connection::open(const std::string& path, Mode mode, Synchronous synchronous) {
    // SQLite's allocation statistics take a process-wide lock at each allocation. Refused if something else in the
    // process has initialised SQLite before, which only costs time.
    static std::once_flag once;
    std::call_once(once, [] { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); });

    sqlite3* db = nullptr;
    // The read connections are opened for writing too (WAL needs its index) and forbidden to write by query_only.
    const int code = sqlite3_open_v2(path.c_str(), &db,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
    std::unique_ptr<Connection> connection(new Connection(db));
    if (code != SQLITE_OK) return last_error(db, code);
    sqlite3_busy_timeout(db, busy_timeout_ms);
    std::string pragmas =
        "PRAGMA journal_mode = WAL;"
        "PRAGMA wal_autocheckpoint = 0;"  // a checkpoint of its own thread instead of one inside a commit
        "PRAGMA temp_store = MEMORY;"
        "PRAGMA trusted_schema = OFF;"
        "PRAGMA secure_delete = OFF;"
        "PRAGMA journal_size_limit = 67108864;";
    pragmas += synchronous == Synchronous::full ? "PRAGMA synchronous = FULL;" : "PRAGMA synchronous = OFF;";
    pragmas +=
        mode == Mode::write ? "PRAGMA cache_size = -32768;" : "PRAGMA cache_size = -4096; PRAGMA query_only = ON;";
    if (auto done = connection->execute(pragmas); !done) return done.error();
    return connection;
}
Connection::~Connection() {
    for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
    sqlite3_close(db_);
}
Statement Connection::prepare(Sql sql) {
    auto& statement = statements_[sql.text()];
    if (!statement) sqlite3_prepare_v3(db_, sql.text(), -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    return Statement{db_, statement};
}
Result<void> Connection::execute(const std::string& script) {
    const int code = sqlite3_exec(db_, script.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return last_error(db_, code);
    return {};
}
Result<std::int64_t> Connection::query_integer(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    if (const int code = sqlite3_prepare_v2(db_, sql.c_str(), -1, &statement, nullptr); code != SQLITE_OK)
        return last_error(db_, code);
    const int code = sqlite3_step(statement);
    const std::int64_t value = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_finalize(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE) return last_error(db_, code);
    return value;
}
std::int64_t Connection::changes() const {
    return sqlite3_changes64(db_);
}
bool Connection::in_transaction() const {
    return sqlite3_get_autocommit(db_) == 0;
}

Savepoint::Savepoint(Connection& connection)
    : connection_(connection), open_(connection.prepare("SAVEPOINT item").run().has_value()) {}
Savepoint::~Savepoint() {
    // After a full disk SQLite may have rolled back everything, savepoint included: then there is nothing left to undo.
    if (!open_ || !connection_.in_transaction()) return;
    (void)connection_.prepare("ROLLBACK TO item").run();
    (void)connection_.prepare("RELEASE item").run();
}
Result<void> Savepoint::release() {
    if (!open_) return Error{Errc::storage, "could not begin a savepoint"};
    auto done = connection_.prepare("RELEASE item").run();
    open_ = !done;
    return done;
}

ReadTransaction::ReadTransaction(Connection& connection)
    : connection_(connection),
      // Inside the writer's transaction (inline mode) there already is one snapshot.
      open_(!connection.in_transaction() && connection.prepare("BEGIN").run().has_value()) {}
ReadTransaction::~ReadTransaction() {
    if (open_) (void)connection_.prepare("COMMIT").run();
}

}  // namespace parley::storage::sqlite
