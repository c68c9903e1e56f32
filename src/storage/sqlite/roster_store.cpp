#include "storage/sqlite/roster_store.hpp"

#include "storage/sqlite/record_sum.hpp"
#include "storage/sqlite/row.hpp"

namespace parley::storage::sqlite {
namespace {

// Column values: never renumbered.
constexpr std::int64_t pending_out = 1;
constexpr std::int64_t pending_in = 2;
constexpr std::int64_t pre_approved = 4;
constexpr std::int64_t listed = 8;
constexpr std::int64_t refused = 16;

std::int64_t flags_of(const im::RosterItem& item) {
    std::int64_t flags = 0;
    if (item.pending_out) flags |= pending_out;
    if (item.pending_in) flags |= pending_in;
    if (item.pre_approved) flags |= pre_approved;
    if (item.listed) flags |= listed;
    if (item.refused) flags |= refused;
    return flags;
}
std::int64_t number_of(im::Subscription subscription) {
    switch (subscription) {
        case im::Subscription::none: return 0;
        case im::Subscription::to: return 1;
        case im::Subscription::from: return 2;
        case im::Subscription::both: return 3;
    }
    return 0;
}
im::Subscription subscription_of(std::int64_t number) {
    switch (number) {
        case 1: return im::Subscription::to;
        case 2: return im::Subscription::from;
        case 3: return im::Subscription::both;
        default: return im::Subscription::none;
    }
}

bool is_intact(const Statement& row, const xmpp::Jid& user, std::int64_t number) {
    const auto sum =
        record_sum(number, row.text(0), row.text(1), row.text(2), row.integer(3), row.integer(4), row.text(5));
    return intact(row, 6, sum, "roster_item", std::string(row.text(0)) + " of " + user.to_string());
}

Result<im::RosterItem> item_from(const Statement& row) {
    auto contact = stored_jid(row.text(0));
    if (!contact) return contact.error();
    const auto flags = row.integer(4);
    return im::RosterItem{.contact = *std::move(contact),
                          .name = std::string(row.text(1)),
                          .groups = decode_list(row.text(2)),
                          .subscription = subscription_of(row.integer(3)),
                          .pending_out = (flags & pending_out) != 0,
                          .pending_in = (flags & pending_in) != 0,
                          .pre_approved = (flags & pre_approved) != 0,
                          .listed = (flags & listed) != 0,
                          .refused = (flags & refused) != 0,
                          .request = std::string(row.text(5))};
}

Result<void> put_item(Connection& db, std::int64_t user, const im::RosterItem& item) {
    auto put = db.prepare(
        "INSERT OR REPLACE INTO roster_item (user, contact, name, groups, subscription, flags, request, sum) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    const std::string contact = item.contact.to_string();
    const std::string groups = encode_list(item.groups);
    const auto subscription = number_of(item.subscription);
    const auto flags = flags_of(item);
    put.bind(1, user).bind(2, contact).bind(3, item.name).bind_blob(4, groups);
    put.bind(5, subscription).bind(6, flags).bind(7, item.request);
    return put.bind(8, record_sum(user, contact, item.name, groups, subscription, flags, item.request)).run();
}

std::size_t size_of(const RosterChange& change) {
    std::size_t bytes = 64 + 64 * change.remove.size();
    for (const auto& item : change.put) bytes += 128 + item.name.size() + item.request.size();
    return bytes;
}

}  // namespace

void SqliteRosterStore::load(xmpp::Jid user, Done<im::Roster> done) {
    auto work = [user = std::move(user)](Connection& db) -> Result<im::Roster> {
        const ReadTransaction snapshot(db);
        const auto number = find_user(db, user);
        if (!number) return number.error();
        im::Roster roster;
        if (*number == 0) return roster;
        auto version = db.prepare("SELECT version FROM roster WHERE user = ?1");
        const auto found = version.bind(1, *number).step();
        if (!found) return found.error();
        if (*found) roster.version = static_cast<std::uint64_t>(version.integer(0));
        auto select = db.prepare(
            "SELECT contact, name, groups, subscription, flags, request, sum FROM roster_item WHERE user = ?1");
        select.bind(1, *number);
        for (;;) {
            const auto more = select.step();
            if (!more) return more.error();
            if (!*more) return roster;
            if (!is_intact(select, user, *number)) continue;
            auto item = item_from(select);
            if (!item) return item.error();
            auto contact = item->contact;
            roster.items.emplace(std::move(contact), *std::move(item));
        }
    };
    database_.read<im::Roster>(executor_, std::move(work), std::move(done));
}

void SqliteRosterStore::apply(xmpp::Jid user, RosterChange change, Done<> done) {
    const std::size_t bytes = size_of(change);
    auto work = [user = user.bare(), change = std::move(change)](WriteState& state) -> Result<void> {
        auto& db = state.db;
        const auto number = state.users.find_or_make(db, user);
        if (!number) return number.error();
        Savepoint savepoint(db);
        auto version = db.prepare("INSERT OR REPLACE INTO roster (user, version) VALUES (?1, ?2)");
        if (auto ok = version.bind(1, *number).bind(2, static_cast<std::int64_t>(change.version)).run(); !ok) return ok;
        for (const auto& contact : change.remove) {
            const std::string text = contact.to_string();
            auto remove = db.prepare("DELETE FROM roster_item WHERE user = ?1 AND contact = ?2");
            if (auto ok = remove.bind(1, *number).bind(2, text).run(); !ok) return ok;
        }
        for (const auto& item : change.put)
            if (auto ok = put_item(db, *number, item); !ok) return ok;
        return savepoint.release();
    };
    database_.write<void>(executor_, bytes, Urgency::now, std::move(work), std::move(done));
}

}  // namespace parley::storage::sqlite
