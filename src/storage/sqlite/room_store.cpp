#include "storage/sqlite/room_store.hpp"

#include "storage/sqlite/record_sum.hpp"
#include "storage/sqlite/row.hpp"

namespace parley::storage::sqlite {
namespace {

constexpr std::size_t row_overhead = 128;

Error no_such(const xmpp::Jid& room) {
    return {Errc::not_found, "there is no room " + room.to_string()};
}

Result<std::int64_t> number_of(Connection& db, const xmpp::Jid& room) {
    auto select = db.prepare("SELECT id FROM room WHERE domain = ?1 AND local = ?2");
    const auto found = select.bind(1, room.domain()).bind(2, room.local()).step();
    if (!found) return found.error();
    if (!*found) return no_such(room);
    return select.integer(0);
}

Result<void> write_row(Statement& statement, const RoomRow& row, const std::string& creator) {
    const std::int64_t listed = row.listed ? 1 : 0;
    statement.bind(1, row.room.domain()).bind(2, row.room.local()).bind(3, creator).bind(4, row.name);
    statement.bind(5, listed).bind(6, row.record);
    return statement.bind(7, record_sum(row.room.domain(), row.room.local(), creator, row.name, listed, row.record))
        .run();
}

Result<void> create_row(Connection& db, const RoomRow& row, const RoomQuota& quota) {
    const auto known = number_of(db, row.room);
    if (known) return Error{Errc::conflict, "the room is there already"};
    if (known.error().code != Errc::not_found) return known.error();
    const auto creator = row.creator.to_string();
    {
        auto count = db.prepare("SELECT count(*), count(CASE WHEN creator = ?1 THEN 1 END) FROM room");
        const auto found = count.bind(1, creator).step();
        if (!found) return found.error();
        if (static_cast<std::size_t>(count.integer(0)) >= quota.rooms)
            return Error{Errc::too_long, "there are as many rooms as there may be"};
        if (static_cast<std::size_t>(count.integer(1)) >= quota.of_creator)
            return Error{Errc::too_long, creator + " has as many rooms as one person may have"};
    }
    auto insert = db.prepare(
        "INSERT INTO room (domain, local, creator, name, listed, record, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    return write_row(insert, row, creator);
}

Result<bool> append_row(WriteState& state, const xmpp::Jid& room, const RoomMessage& message, std::size_t keep) {
    auto& db = state.db;
    const auto number = number_of(db, room);
    if (!number) return number.error();
    const auto hash = state.origin_hash(message.origin);
    {
        auto select = db.prepare("SELECT origin FROM room_message WHERE room = ?1 AND origin_hash = ?2");
        select.bind(1, *number).bind(2, hash);
        for (;;) {
            const auto more = select.step();
            if (!more) return more.error();
            if (!*more) break;
            if (select.text(0) == message.origin) return true;
        }
    }
    const std::int64_t received = message.received.time_since_epoch().count();
    Savepoint savepoint(db);
    {
        auto insert = db.prepare(
            "INSERT INTO room_message (room, origin_hash, received, origin, stanza, sum) "
            "VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
        insert.bind(1, *number).bind(2, hash).bind(3, received).bind(4, message.origin).bind(5, message.stanza);
        insert.bind(6, record_sum(*number, received, message.origin, message.stanza));
        if (const auto ok = insert.run(); !ok) return ok.error();
    }
    auto trim = db.prepare(
        "DELETE FROM room_message WHERE room = ?1 AND id <= "
        "(SELECT id FROM room_message WHERE room = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)");
    if (const auto ok = trim.bind(1, *number).bind(2, static_cast<std::int64_t>(keep)).run(); !ok) return ok.error();
    if (const auto ok = savepoint.release(); !ok) return ok.error();
    return false;
}

Result<std::vector<RoomMessage>> history_of(Connection& db, std::int64_t number, const xmpp::Jid& room) {
    auto select = db.prepare("SELECT received, origin, stanza, sum FROM room_message WHERE room = ?1 ORDER BY id");
    select.bind(1, number);
    std::vector<RoomMessage> history;
    for (;;) {
        const auto more = select.step();
        if (!more) return more.error();
        if (!*more) return history;
        const auto sum = record_sum(number, select.integer(0), select.text(1), select.text(2));
        if (!intact(select, 3, sum, "room_message", room.to_string())) continue;
        history.push_back(
            {TimePoint{Millis{select.integer(0)}}, std::string(select.text(1)), std::string(select.text(2))});
    }
}

}  // namespace

void SqliteRoomStore::load(xmpp::Jid room, Done<Loaded> done) {
    auto work = [room = room.bare()](Connection& db) -> Result<Loaded> {
        const ReadTransaction snapshot(db);
        auto select =
            db.prepare("SELECT id, creator, name, listed, record, sum FROM room WHERE domain = ?1 AND local = ?2");
        const auto found = select.bind(1, room.domain()).bind(2, room.local()).step();
        if (!found) return found.error();
        if (!*found) return no_such(room);
        const auto sum =
            record_sum(room.domain(), room.local(), select.text(1), select.text(2), select.integer(3), select.text(4));
        if (!intact(select, 5, sum, "room", room.to_string()))
            return Error{Errc::storage, "the record of the room " + room.to_string() + " is damaged"};
        Loaded loaded{std::string(select.text(4)), {}};
        auto history = history_of(db, select.integer(0), room);
        if (!history) return history.error();
        loaded.history = *std::move(history);
        return loaded;
    };
    database_.read<Loaded>(executor_, std::move(work), std::move(done));
}

void SqliteRoomStore::create(RoomRow row, RoomQuota quota, Done<> done) {
    const auto bytes = row_overhead + row.record.size();
    auto work = [row = std::move(row), quota](WriteState& state) { return create_row(state.db, row, quota); };
    database_.write<void>(executor_, bytes, Urgency::now, std::move(work), std::move(done));
}

void SqliteRoomStore::put(RoomRow row, Done<> done) {
    const auto bytes = row_overhead + row.record.size();
    auto work = [row = std::move(row)](WriteState& state) -> Result<void> {
        auto update = state.db.prepare(
            "UPDATE room SET creator = ?3, name = ?4, listed = ?5, record = ?6, sum = ?7 "
            "WHERE domain = ?1 AND local = ?2");
        if (auto ok = write_row(update, row, row.creator.to_string()); !ok) return ok;
        if (state.db.changes() == 0) return no_such(row.room);
        return {};
    };
    database_.write<void>(executor_, bytes, Urgency::now, std::move(work), std::move(done));
}

void SqliteRoomStore::remove(xmpp::Jid room, Done<> done) {
    auto work = [room = room.bare()](WriteState& state) -> Result<void> {
        const auto number = number_of(state.db, room);
        if (!number) return number.error();
        Savepoint savepoint(state.db);
        if (auto ok = state.db.prepare("DELETE FROM room_message WHERE room = ?1").bind(1, *number).run(); !ok)
            return ok;
        if (auto ok = state.db.prepare("DELETE FROM room WHERE id = ?1").bind(1, *number).run(); !ok) return ok;
        return savepoint.release();
    };
    database_.write<void>(executor_, row_overhead, Urgency::now, std::move(work), std::move(done));
}

void SqliteRoomStore::list(std::string domain, Done<std::vector<Listed>> done) {
    auto work = [domain = std::move(domain)](Connection& db) -> Result<std::vector<Listed>> {
        auto select = db.prepare("SELECT local, name FROM room WHERE domain = ?1 AND listed = 1 ORDER BY local");
        select.bind(1, domain);
        std::vector<Listed> rooms;
        for (;;) {
            const auto more = select.step();
            if (!more) return more.error();
            if (!*more) return rooms;
            auto room = stored_jid(select.text(0), domain);
            if (!room) return room.error();
            rooms.push_back({*std::move(room), std::string(select.text(1))});
        }
    };
    database_.read<std::vector<Listed>>(executor_, std::move(work), std::move(done));
}

void SqliteRoomStore::append(xmpp::Jid room, RoomMessage message, std::size_t keep, Done<bool> done) {
    const auto bytes = row_overhead + message.origin.size() + message.stanza.size();
    auto work = [room = room.bare(), message = std::move(message), keep](WriteState& state) {
        return append_row(state, room, message, keep);
    };
    database_.write<bool>(executor_, bytes, Urgency::now, std::move(work), std::move(done));
}

}  // namespace parley::storage::sqlite
