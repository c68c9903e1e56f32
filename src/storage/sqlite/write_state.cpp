#include "storage/sqlite/write_state.hpp"

#include <algorithm>
#include <cstring>

#include "base/hash.hpp"
#include "base/random.hpp"
#include "storage/sqlite/settings.hpp"

namespace parley::storage::sqlite {
namespace {

// Ids above it can only come from a damaged file; below it they can be counted up for ever.
constexpr std::int64_t greatest = std::int64_t{1} << 62;

constexpr std::size_t numbers_an_entry = 3;
constexpr std::size_t entry_size = numbers_an_entry * sizeof(std::int64_t);

void put_number(std::string& bytes, std::int64_t value) {
    const auto bits = static_cast<std::uint64_t>(value);
    for (unsigned shift = 0; shift < 64; shift += 8) bytes.push_back(static_cast<char>(bits >> shift & 0xFF));
}
std::int64_t get_number(std::string_view bytes) {
    std::uint64_t bits = 0;
    for (unsigned i = 0; i < 8; ++i) bits |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    return static_cast<std::int64_t>(bits);
}

}  // namespace

Result<std::int64_t> find_user(Connection& connection, const xmpp::Jid& user) {
    auto select = connection.prepare("SELECT id FROM user WHERE domain = ?1 AND local = ?2");
    select.bind(1, user.domain()).bind(2, user.local());
    const auto found = select.step();
    if (!found) return found.error();
    return *found ? select.integer(0) : 0;
}

Result<std::int64_t> UserNumbers::find(Connection& connection, const xmpp::Jid& user) {
    if (!user.is_bare()) return find(connection, user.bare());
    if (const auto known = numbers_.find(user); known != numbers_.end()) return known->second;
    auto number = find_user(connection, user);
    if (!number || *number == 0) return number;
    if (numbers_.size() >= most) numbers_.clear();
    numbers_.emplace(user, *number);
    return number;
}
Result<std::int64_t> UserNumbers::find_or_make(Connection& connection, const xmpp::Jid& user) {
    auto number = find(connection, user);
    if (!number || *number != 0) return number;
    auto insert = connection.prepare("INSERT INTO user (domain, local) VALUES (?1, ?2)");
    insert.bind(1, user.domain()).bind(2, user.local());
    if (const auto done = insert.run(); !done) return done.error();
    return find(connection, user);
}
void UserNumbers::forget(const xmpp::Jid& user) {
    numbers_.erase(user);
}

Result<std::int64_t> Sequence::next(Connection& connection) {
    if (next_ == 0) {
        auto select = connection.prepare("SELECT reserved FROM sequence WHERE name = ?1");
        select.bind(1, name_);
        const auto found = select.step();
        if (!found) return found.error();
        const std::int64_t reserved = *found ? select.integer(0) : 1;
        if (reserved < 1 || reserved > greatest) return Error{Errc::storage, "damaged: the sequence " + name_};
        next_ = reserved_ = reserved;
    }
    if (next_ == reserved_) {
        auto update = connection.prepare("INSERT OR REPLACE INTO sequence (name, reserved) VALUES (?1, ?2)");
        update.bind(1, name_).bind(2, next_ + block);
        if (const auto done = update.run(); !done) return done.error();
        reserved_ = next_ + block;
    }
    return next_++;
}

Result<void> RecentOrigins::load(Connection& connection, TimePoint now) {
    auto select = connection.prepare("SELECT id, at, entries FROM recent_origin ORDER BY id");
    for (;;) {
        const auto more = select.step();
        if (!more) return more.error();
        if (!*more) break;
        Block block;
        block.row = select.integer(0);
        if (block.row < 1 || block.row > greatest) return Error{Errc::storage, "damaged: recent origins"};
        // A clock that was set back must not keep them for longer than `kept` from now.
        block.at = std::min(TimePoint{Millis{select.integer(1)}}, now);
        next_row_ = block.row + 1;
        for (auto bytes = select.text(2); bytes.size() >= entry_size; bytes.remove_prefix(entry_size))
            block.entries.push_back({{get_number(bytes), get_number(bytes.substr(8))}, get_number(bytes.substr(16))});
        keep(std::move(block));
    }
    return {};
}
std::optional<std::int64_t> RecentOrigins::find(std::int64_t owner, std::int64_t hash) const {
    const auto found = ids_.find(Key{owner, hash});
    if (found == ids_.end()) return std::nullopt;
    return found->second;
}
void RecentOrigins::add(std::int64_t owner, std::int64_t hash, std::int64_t id) {
    pending_.entries.push_back({{owner, hash}, id});
    ids_[{owner, hash}] = id;  // an append later in the same transaction must see it
}
Result<void> RecentOrigins::before_commit(Connection& connection, TimePoint now) {
    expiring_ = 0;
    if (pending_.entries.empty()) return {};
    std::size_t left = ids_.size();
    while (expiring_ < blocks_.size() && (blocks_[expiring_].at + kept < now || left > most))
        left -= std::min(left, blocks_[expiring_++].entries.size());
    if (expiring_ > 0) {
        auto purge = connection.prepare("DELETE FROM recent_origin WHERE id <= ?1");
        purge.bind(1, blocks_[expiring_ - 1].row);
        if (auto done = purge.run(); !done) return done;
    }
    std::string bytes;
    bytes.reserve(pending_.entries.size() * entry_size);
    for (const auto& entry : pending_.entries) {
        put_number(bytes, entry.key.owner);
        put_number(bytes, entry.key.hash);
        put_number(bytes, entry.id);
    }
    pending_.row = next_row_;
    pending_.at = now;
    auto insert = connection.prepare("INSERT INTO recent_origin (id, at, entries) VALUES (?1, ?2, ?3)");
    insert.bind(1, pending_.row).bind(2, now.time_since_epoch().count()).bind_blob(3, bytes);
    return insert.run();
}
void RecentOrigins::committed() {
    for (; expiring_ > 0; --expiring_) {
        for (const auto& entry : blocks_.front().entries)
            if (const auto found = ids_.find(entry.key); found != ids_.end() && found->second == entry.id)
                ids_.erase(found);
        blocks_.pop_front();
    }
    if (pending_.entries.empty()) return;
    next_row_ = pending_.row + 1;
    blocks_.push_back(std::move(pending_));
    pending_ = {};
}
void RecentOrigins::rolled_back() {
    for (const auto& entry : pending_.entries) ids_.erase(entry.key);
    pending_ = {};
    expiring_ = 0;
}
void RecentOrigins::keep(Block block) {
    for (const auto& entry : block.entries) ids_[entry.key] = entry.id;
    blocks_.push_back(std::move(block));
}

Result<void> WriteState::load(TimePoint now) {
    auto key = setting_or_make(db, "origin-key", [] { return SystemRandom().hex(16); });
    if (!key) return key.error();
    origin_key_ = *std::move(key);
    return recent.load(db, now);
}
void WriteState::rolled_back() {
    users.rolled_back();
    recent.rolled_back();
    spool_ids.rolled_back();
    outbox_ids.rolled_back();
}
std::int64_t WriteState::origin_hash(std::string_view origin) const {
    if (origin.empty()) return 0;
    std::string keyed;
    keyed.reserve(origin_key_.size() + origin.size());
    keyed.append(origin_key_).append(origin);
    return static_cast<std::int64_t>(xxh64(keyed));
}

}  // namespace parley::storage::sqlite
