#include "storage/sqlite/spool_store.hpp"

#include <algorithm>

#include "storage/sqlite/record_sum.hpp"
#include "storage/sqlite/row.hpp"

namespace parley::storage::sqlite {
namespace {

constexpr std::size_t row_overhead = 128;

Result<std::optional<std::int64_t>> find_origin(WriteState& state, std::int64_t user, std::int64_t hash,
                                                const std::string& origin) {
    if (const auto id = state.recent.find(user, hash)) return std::optional{*id};
    auto select = state.db.prepare("SELECT id, origin FROM spool WHERE user = ?1 AND origin_hash = ?2");
    select.bind(1, user).bind(2, hash);
    for (;;) {
        const auto more = select.step();
        if (!more) return more.error();
        if (!*more) return std::optional<std::int64_t>{};
        if (select.text(1) == origin) return std::optional{select.integer(0)};
    }
}

Result<SpoolStore::Appended> append_row(WriteState& state, const SpooledMessage& message) {
    const auto user = state.users.find_or_make(state.db, message.user);
    if (!user) return user.error();
    const auto hash = state.origin_hash(message.origin);
    if (!message.origin.empty()) {
        const auto known = find_origin(state, *user, hash, message.origin);
        if (!known) return known.error();
        if (*known) return SpoolStore::Appended{**known, true};
    }
    const auto id = state.spool_ids.next(state.db);
    if (!id) return id.error();
    auto insert = state.db.prepare(
        "INSERT INTO spool (id, user, origin_hash, size, received, sender, origin, stanza, sum) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
    const std::string sender = message.from.to_string();
    insert.bind(1, *id).bind(2, *user).bind(3, hash).bind(4, static_cast<std::int64_t>(message.stanza.size()));
    const std::int64_t received = message.received.time_since_epoch().count();
    insert.bind(5, received).bind(6, sender).bind(7, message.origin).bind(8, message.stanza);
    insert.bind(9, record_sum(*id, *user, received, sender, message.origin, message.stanza));
    if (const auto ok = insert.run(); !ok) return ok.error();
    return SpoolStore::Appended{*id, false};
}

Result<void> remove_row(WriteState& state, std::int64_t user, std::int64_t id) {
    std::int64_t hash = 0;
    {
        auto select = state.db.prepare("SELECT user, origin_hash FROM spool WHERE id = ?1");
        const auto found = select.bind(1, id).step();
        if (!found) return found.error();
        if (!*found || select.integer(0) != user) return {};
        hash = select.integer(1);
    }
    if (auto ok = state.db.prepare("DELETE FROM spool WHERE id = ?1").bind(1, id).run(); !ok) return ok;
    if (hash != 0) state.recent.add(user, hash, id);
    return {};
}

bool is_intact(const Statement& row, const xmpp::Jid& user, std::int64_t number, std::int64_t id) {
    const auto sum = record_sum(id, number, row.integer(0), row.text(1), row.text(2), row.text(3));
    return intact(row, 4, sum, "spool", std::to_string(id) + " of " + user.to_string());
}

Result<SpooledMessage> message_from(const Statement& row, const xmpp::Jid& user, std::int64_t id) {
    SpooledMessage message;
    message.id = id;
    message.user = user;
    message.received = TimePoint{Millis{row.integer(0)}};
    auto from = stored_jid(row.text(1));
    if (!from) return from.error();
    message.from = *std::move(from);
    message.origin = row.text(2);
    message.stanza = row.text(3);
    return message;
}

}  // namespace

void SqliteSpoolStore::append(SpooledMessage message, Done<Appended> done) {
    const std::size_t bytes = row_overhead + message.origin.size() + message.stanza.size();
    auto work = [message = std::move(message)](WriteState& state) { return append_row(state, message); };
    database_.write<Appended>(executor_, bytes, Urgency::now, std::move(work), std::move(done));
}

void SqliteSpoolStore::remove(xmpp::Jid user, std::vector<std::int64_t> ids, Done<> done) {
    auto work = [user = std::move(user), ids = std::move(ids)](WriteState& state) -> Result<void> {
        const auto number = state.users.find(state.db, user);
        if (!number) return number.error();
        if (*number == 0) return {};
        for (const auto id : ids)
            if (auto ok = remove_row(state, *number, id); !ok) return ok;
        return {};
    };
    database_.write<void>(executor_, 0, Urgency::soon, std::move(work), std::move(done));
}

void SqliteSpoolStore::load(xmpp::Jid user, std::int64_t after, std::size_t limit,
                            Done<std::vector<SpooledMessage>> done) {
    auto work = [user = user.bare(), after, limit](Connection& db) -> Result<std::vector<SpooledMessage>> {
        const ReadTransaction snapshot(db);
        const auto number = find_user(db, user);
        if (!number) return number.error();
        std::vector<SpooledMessage> messages;
        if (*number == 0) return messages;
        std::vector<std::int64_t> ids;
        {
            auto select = db.prepare("SELECT id FROM spool INDEXED BY spool_by_user WHERE user = ?1 AND id > ?2");
            select.bind(1, *number).bind(2, after);
            for (;;) {
                const auto more = select.step();
                if (!more) return more.error();
                if (!*more) break;
                ids.push_back(select.integer(0));
            }
        }
        const auto end = ids.begin() + static_cast<std::ptrdiff_t>(std::min(limit, ids.size()));
        std::partial_sort(ids.begin(), end, ids.end());
        ids.erase(end, ids.end());
        messages.reserve(ids.size());
        auto select = db.prepare("SELECT received, sender, origin, stanza, sum FROM spool WHERE id = ?1");
        for (const auto id : ids) {
            const auto found = select.bind(1, id).step();
            if (!found) return found.error();
            if (!*found) return Error{Errc::storage, "the spool's index names a row that is not there"};
            if (is_intact(select, user, *number, id)) {
                auto message = message_from(select, user, id);
                if (!message) return message.error();
                messages.push_back(*std::move(message));
            }
            select.reset();
        }
        return messages;
    };
    database_.read<std::vector<SpooledMessage>>(executor_, std::move(work), std::move(done));
}

void SqliteSpoolStore::usage(xmpp::Jid user, Done<SpoolUsage> done) {
    auto work = [user = std::move(user)](Connection& db) -> Result<SpoolUsage> {
        auto select = db.prepare(
            "SELECT count(*), coalesce(sum(size), 0) FROM spool INDEXED BY spool_by_user "
            "WHERE user = (SELECT id FROM user WHERE domain = ?1 AND local = ?2)");
        const auto found = select.bind(1, user.domain()).bind(2, user.local()).step();
        if (!found) return found.error();
        return SpoolUsage{static_cast<std::size_t>(select.integer(0)), static_cast<std::size_t>(select.integer(1))};
    };
    database_.read<SpoolUsage>(executor_, std::move(work), std::move(done));
}

}  // namespace parley::storage::sqlite
