#include "storage/sqlite/history_store.hpp"

namespace parley::storage::sqlite {
namespace {

constexpr std::size_t event_bytes = 256;

std::int64_t millis(TimePoint time) {
    return time.time_since_epoch().count();
}

// Words of a newer parley that this one does not know become the first of their kind: it is for people only.
im::PartnerEvent event_from(Statement& row) {
    using Event = im::PartnerEvent;
    const auto word = [&row](int column, std::int64_t most) {
        const auto value = row.integer(column);
        return value >= 0 && value <= most ? value : 0;
    };
    Event event;
    event.number = static_cast<std::uint64_t>(row.integer(1));
    event.what = static_cast<Event::What>(word(2, static_cast<std::int64_t>(Event::What::retried)));
    event.fault = static_cast<Event::Fault>(word(3, static_cast<std::int64_t>(Event::Fault::stream)));
    event.by_us = row.integer(4) != 0;
    event.local = row.text(5);
    event.detail = row.text(6);
    event.place = row.text(7);
    event.first = TimePoint(Millis(row.integer(8)));
    event.last = TimePoint(Millis(row.integer(9)));
    event.times = static_cast<std::uint32_t>(row.integer(10));
    return event;
}

}  // namespace

void SqliteHistoryStore::load(Done<All> done) {
    auto work = [](Connection& db) -> Result<All> {
        auto select = db.prepare(
            "SELECT domain, number, what, fault, by_us, local, detail, place, first, last, times FROM partner_event "
            "ORDER BY domain, number");
        All all;
        for (;;) {
            const auto more = select.step();
            if (!more) return more.error();
            if (!*more) return all;
            all[std::string(select.text(0))].push_back(event_from(select));
        }
    };
    database_.read<All>(executor_, std::move(work), std::move(done));
}

void SqliteHistoryStore::apply(im::PartnerHistory::Change change, Done<> done) {
    const auto bytes = event_bytes * (change.events.size() + 1);
    auto work = [change = std::move(change)](WriteState& state) -> Result<void> {
        auto& db = state.db;
        Savepoint savepoint(db);
        auto remove = change.forgotten ? db.prepare("DELETE FROM partner_event WHERE domain = ?1")
                                       : db.prepare("DELETE FROM partner_event WHERE domain = ?1 AND number < ?2");
        remove.bind(1, change.domain);
        if (!change.forgotten) remove.bind(2, static_cast<std::int64_t>(change.oldest));
        if (auto removed = remove.run(); !removed) return removed;
        for (const auto& event : change.events) {
            auto put = db.prepare(
                "INSERT OR REPLACE INTO partner_event (domain, number, what, fault, by_us, local, detail, place, "
                "first, last, times) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
            put.bind(1, change.domain)
                .bind(2, static_cast<std::int64_t>(event.number))
                .bind(3, static_cast<std::int64_t>(event.what))
                .bind(4, static_cast<std::int64_t>(event.fault))
                .bind(5, std::int64_t{event.by_us})
                .bind(6, event.local)
                .bind(7, event.detail)
                .bind(8, event.place)
                .bind(9, millis(event.first))
                .bind(10, millis(event.last))
                .bind(11, static_cast<std::int64_t>(event.times));
            if (auto stored = put.run(); !stored) return stored;
        }
        return savepoint.release();
    };
    database_.write<void>(executor_, bytes, Urgency::soon, std::move(work), std::move(done));
}

void SqliteHistoryStore::load_refusals(Done<std::vector<im::Refusal>> done) {
    auto work = [](Connection& db) -> Result<std::vector<im::Refusal>> {
        auto select = db.prepare(
            "SELECT reference, partner, local, protocol, address, condition, why, remedy, first, last, times "
            "FROM refusal ORDER BY last DESC");
        std::vector<im::Refusal> all;
        for (;;) {
            const auto more = select.step();
            if (!more) return more.error();
            if (!*more) return all;
            im::Refusal refusal;
            int column = 0;
            for (auto* text : {&refusal.reference, &refusal.partner, &refusal.local, &refusal.protocol,
                               &refusal.address, &refusal.condition, &refusal.why, &refusal.remedy})
                *text = select.text(column++);
            refusal.first = TimePoint(Millis(select.integer(8)));
            refusal.last = TimePoint(Millis(select.integer(9)));
            refusal.times = static_cast<std::uint32_t>(select.integer(10));
            all.push_back(std::move(refusal));
        }
    };
    database_.read<std::vector<im::Refusal>>(executor_, std::move(work), std::move(done));
}

void SqliteHistoryStore::apply(im::Refusals::Change change, Done<> done) {
    const auto bytes = event_bytes * (change.changed.size() + 1);
    auto work = [change = std::move(change)](WriteState& state) -> Result<void> {
        auto& db = state.db;
        Savepoint savepoint(db);
        for (const auto& reference : change.gone) {
            auto remove = db.prepare("DELETE FROM refusal WHERE reference = ?1");
            remove.bind(1, reference);
            if (auto removed = remove.run(); !removed) return removed;
        }
        for (const auto& refusal : change.changed) {
            auto put = db.prepare(
                "INSERT OR REPLACE INTO refusal (reference, partner, local, protocol, address, condition, why, remedy, "
                "first, last, times) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
            int column = 1;
            for (const auto* text : {&refusal.reference, &refusal.partner, &refusal.local, &refusal.protocol,
                                     &refusal.address, &refusal.condition, &refusal.why, &refusal.remedy})
                put.bind(column++, *text);
            put.bind(9, millis(refusal.first))
                .bind(10, millis(refusal.last))
                .bind(11, static_cast<std::int64_t>(refusal.times));
            if (auto stored = put.run(); !stored) return stored;
        }
        return savepoint.release();
    };
    database_.write<void>(executor_, bytes, Urgency::soon, std::move(work), std::move(done));
}

}  // namespace parley::storage::sqlite
