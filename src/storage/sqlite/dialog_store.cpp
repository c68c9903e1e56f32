#include "storage/sqlite/dialog_store.hpp"

#include "storage/sqlite/record_sum.hpp"

namespace parley::storage::sqlite {

void SqliteDialogStore::put(DialogRow row, Done<> done) {
    const std::size_t bytes = 64 + row.key.size() + row.record.size();
    auto work = [row = std::move(row)](WriteState& state) -> Result<void> {
        auto put = state.db.prepare(
            "INSERT INTO dialog (slot, key, record, sum) VALUES (?1, ?2, ?3, ?4) "
            "ON CONFLICT (slot, key) DO UPDATE SET record = excluded.record, sum = excluded.sum");
        put.bind(1, std::int64_t{row.slot}).bind(2, row.key).bind_blob(3, row.record);
        return put.bind(4, record_sum(std::int64_t{row.slot}, row.key, row.record)).run();
    };
    const auto urgency = done ? Urgency::now : Urgency::soon;
    database_.write<void>(executor_, bytes, urgency, std::move(work), std::move(done));
}

void SqliteDialogStore::remove(std::uint16_t slot, std::string key, Done<> done) {
    auto work = [slot, key = std::move(key)](WriteState& state) -> Result<void> {
        auto remove = state.db.prepare("DELETE FROM dialog WHERE slot = ?1 AND key = ?2");
        return remove.bind(1, std::int64_t{slot}).bind(2, key).run();
    };
    const auto urgency = done ? Urgency::now : Urgency::soon;
    database_.write<void>(executor_, 0, urgency, std::move(work), std::move(done));
}

void SqliteDialogStore::load(std::uint16_t first_slot, std::uint16_t last_slot, Done<std::vector<DialogRow>> done) {
    auto work = [first_slot, last_slot](Connection& db) -> Result<std::vector<DialogRow>> {
        auto select =
            db.prepare("SELECT slot, key, record, sum FROM dialog WHERE slot BETWEEN ?1 AND ?2 ORDER BY slot, key");
        select.bind(1, std::int64_t{first_slot}).bind(2, std::int64_t{last_slot});
        std::vector<DialogRow> rows;
        for (;;) {
            const auto more = select.step();
            if (!more) return more.error();
            if (!*more) return rows;
            const auto sum = record_sum(select.integer(0), select.text(1), select.text(2));
            if (!intact(select, 3, sum, "dialog", select.text(1))) continue;
            rows.push_back({static_cast<std::uint16_t>(select.integer(0)), std::string(select.text(1)),
                            std::string(select.text(2))});
        }
    };
    database_.read<std::vector<DialogRow>>(executor_, std::move(work), std::move(done));
}

}  // namespace parley::storage::sqlite
