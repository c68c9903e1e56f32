#include "storage/sqlite/outbox_store.hpp"

#include "storage/sqlite/record_sum.hpp"
#include "storage/sqlite/row.hpp"

namespace parley::storage::sqlite {
namespace {

constexpr std::size_t row_overhead = 128;
constexpr std::int64_t outbox_owner = 0;  // in RecentOrigins, where users begin with 1

Result<std::optional<std::int64_t>> find_origin(WriteState& state, std::int64_t hash, const std::string& origin) {
    if (const auto id = state.recent.find(outbox_owner, hash)) return std::optional{*id};
    auto select = state.db.prepare("SELECT id, origin FROM outbox WHERE origin_hash = ?1");
    select.bind(1, hash);
    for (;;) {
        const auto more = select.step();
        if (!more) return more.error();
        if (!*more) return std::optional<std::int64_t>{};
        if (select.text(1) == origin) return std::optional{select.integer(0)};
    }
}

Result<OutboxStore::Appended> append_row(WriteState& state, const OutboundStanza& stanza) {
    const auto hash = state.origin_hash(stanza.origin);
    if (!stanza.origin.empty()) {
        const auto known = find_origin(state, hash, stanza.origin);
        if (!known) return known.error();
        if (*known) return OutboxStore::Appended{**known, true};
    }
    const auto id = state.outbox_ids.next(state.db);
    if (!id) return id.error();
    auto insert = state.db.prepare(
        "INSERT INTO outbox (id, origin_hash, received, sender, recipient, origin, stanza, sum) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    const std::string sender = stanza.from.to_string();
    const std::string recipient = stanza.to.to_string();
    const std::int64_t received = stanza.received.time_since_epoch().count();
    insert.bind(1, *id).bind(2, hash).bind(3, received);
    insert.bind(4, sender).bind(5, recipient).bind(6, stanza.origin).bind(7, stanza.stanza);
    insert.bind(8, record_sum(*id, received, sender, recipient, stanza.origin, stanza.stanza));
    if (const auto ok = insert.run(); !ok) return ok.error();
    return OutboxStore::Appended{*id, false};
}

Result<void> remove_row(WriteState& state, std::int64_t id) {
    std::int64_t hash = 0;
    {
        auto select = state.db.prepare("SELECT origin_hash FROM outbox WHERE id = ?1");
        const auto found = select.bind(1, id).step();
        if (!found) return found.error();
        if (!*found) return {};
        hash = select.integer(0);
    }
    if (auto ok = state.db.prepare("DELETE FROM outbox WHERE id = ?1").bind(1, id).run(); !ok) return ok;
    if (hash != 0) state.recent.add(outbox_owner, hash, id);
    return {};
}

bool is_intact(const Statement& row) {
    const auto sum = record_sum(row.integer(0), row.integer(1), row.text(2), row.text(3), row.text(4), row.text(5));
    return intact(row, 6, sum, "outbox", std::to_string(row.integer(0)));
}

Result<OutboundStanza> stanza_from(const Statement& row) {
    auto from = stored_jid(row.text(2));
    if (!from) return from.error();
    auto to = stored_jid(row.text(3));
    if (!to) return to.error();
    return OutboundStanza{.id = row.integer(0),
                          .from = *std::move(from),
                          .to = *std::move(to),
                          .received = TimePoint{Millis{row.integer(1)}},
                          .origin = std::string(row.text(4)),
                          .stanza = std::string(row.text(5))};
}

}  // namespace

void SqliteOutboxStore::append(OutboundStanza stanza, Done<Appended> done) {
    const std::size_t bytes = row_overhead + stanza.origin.size() + stanza.stanza.size();
    auto work = [stanza = std::move(stanza)](WriteState& state) { return append_row(state, stanza); };
    database_.write<Appended>(executor_, bytes, Urgency::now, std::move(work), std::move(done));
}

void SqliteOutboxStore::remove(std::vector<std::int64_t> ids, Done<> done) {
    auto work = [ids = std::move(ids)](WriteState& state) -> Result<void> {
        for (const auto id : ids)
            if (auto ok = remove_row(state, id); !ok) return ok;
        return {};
    };
    database_.write<void>(executor_, 0, Urgency::soon, std::move(work), std::move(done));
}

void SqliteOutboxStore::load_all(Done<std::vector<OutboundStanza>> done) {
    auto work = [](Connection& db) -> Result<std::vector<OutboundStanza>> {
        auto select = db.prepare("SELECT id, received, sender, recipient, origin, stanza, sum FROM outbox ORDER BY id");
        std::vector<OutboundStanza> stanzas;
        for (;;) {
            const auto more = select.step();
            if (!more) return more.error();
            if (!*more) return stanzas;
            if (!is_intact(select)) continue;
            auto stanza = stanza_from(select);
            if (!stanza) return stanza.error();
            stanzas.push_back(*std::move(stanza));
        }
    };
    database_.read<std::vector<OutboundStanza>>(executor_, std::move(work), std::move(done));
}

}  // namespace parley::storage::sqlite
