#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "storage/sqlite/connection.hpp"
#include "xmpp/jid.hpp"

namespace parley::storage::sqlite {

// What the writer remembers between transactions so that it need not ask the database. All of it follows the
// transactions: a rolled-back one leaves no trace here. The writer's thread only.

// The numbers of users.
class UserNumbers {
public:
    // 0: not known.
    Result<std::int64_t> find(Connection& connection, const xmpp::Jid& user);
    Result<std::int64_t> find_or_make(Connection& connection, const xmpp::Jid& user);
    void forget(const xmpp::Jid& user);
    void rolled_back() { numbers_.clear(); }

private:
    static constexpr std::size_t most = 65'536;
    std::unordered_map<xmpp::Jid, std::int64_t> numbers_;
};
// Without a cache: for readers.
Result<std::int64_t> find_user(Connection& connection, const xmpp::Jid& user);

// Ids that never come twice, also after the newest row was removed and the process restarted: the numbers are reserved
// in the database a block at a time.
class Sequence {
public:
    explicit Sequence(std::string name) : name_(std::move(name)) {}
    Result<std::int64_t> next(Connection& connection);
    void rolled_back() { reserved_ = next_; }  // the reservation may be gone: make it again

private:
    static constexpr std::int64_t block = 4096;
    std::string name_;
    std::int64_t next_ = 0;
    std::int64_t reserved_ = 0;
};

// Origins of messages that were delivered and removed: a sender that missed our acknowledgement sends them again,
// perhaps after our restart. Kept in memory and, a row a commit, on disk; bounded in time and number.
class RecentOrigins {
public:
    static constexpr Millis kept{600'000};  // as long as a session may wait to be resumed
    static constexpr std::size_t most = 131'072;

    Result<void> load(Connection& connection, TimePoint now);
    // The id that the message had. `owner`: the user's number, 0 for the outbox.
    std::optional<std::int64_t> find(std::int64_t owner, std::int64_t hash) const;
    void add(std::int64_t owner, std::int64_t hash, std::int64_t id);
    Result<void> before_commit(Connection& connection, TimePoint now);
    void committed();
    void rolled_back();

private:
    struct Key {
        std::int64_t owner = 0;
        std::int64_t hash = 0;
        bool operator==(const Key&) const = default;
    };
    struct KeyHash {
        std::size_t operator()(const Key& key) const noexcept {
            return static_cast<std::size_t>(key.hash) ^ (static_cast<std::size_t>(key.owner) << 32);
        }
    };
    struct Entry {
        Key key;
        std::int64_t id = 0;
    };
    struct Block {  // one row
        std::int64_t row = 0;
        TimePoint at{};
        std::vector<Entry> entries;
    };
    void keep(Block block);

    std::unordered_map<Key, std::int64_t, KeyHash> ids_;
    std::deque<Block> blocks_;
    Block pending_;             // of the transaction that is open
    std::size_t expiring_ = 0;  // blocks at the front that this transaction removes
    std::int64_t next_row_ = 1;
};

struct WriteState {
    explicit WriteState(Connection& connection) : db(connection) {}

    // Reads what must be known before the first write.
    Result<void> load(TimePoint now);
    Result<void> before_commit(TimePoint now) { return recent.before_commit(db, now); }
    void committed() { recent.committed(); }
    void rolled_back();
    // Keyed by a secret of this database, so that nobody can make origins that collide.
    std::int64_t origin_hash(std::string_view origin) const;

    Connection& db;
    UserNumbers users;
    RecentOrigins recent;
    Sequence spool_ids{"spool"};
    Sequence outbox_ids{"outbox"};

private:
    std::string origin_key_;
};

}  // namespace parley::storage::sqlite
