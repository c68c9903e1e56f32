#include "storage/sqlite/user_policy_store.hpp"

#include "storage/sqlite/record_sum.hpp"
#include "storage/sqlite/row.hpp"

namespace parley::storage::sqlite {
namespace {

// Column values: never renumbered.
std::int64_t number_of(im::Verdict verdict) {
    switch (verdict) {
        case im::Verdict::ask: return 0;
        case im::Verdict::allow: return 1;
        case im::Verdict::block: return 2;
    }
    return 0;
}
im::Verdict verdict_of(std::int64_t number) {
    return number == 1 ? im::Verdict::allow : number == 2 ? im::Verdict::block : im::Verdict::ask;
}
std::int64_t number_of(im::DecidedBy by) {
    switch (by) {
        case im::DecidedBy::administrator: return 0;
        case im::DecidedBy::native_client: return 1;
        case im::DecidedBy::client: return 2;
        case im::DecidedBy::blocking_command: return 3;
        case im::DecidedBy::privacy_list: return 4;
    }
    return 0;
}
im::DecidedBy decided_by(std::int64_t number) {
    switch (number) {
        case 1: return im::DecidedBy::native_client;
        case 2: return im::DecidedBy::client;
        case 3: return im::DecidedBy::blocking_command;
        case 4: return im::DecidedBy::privacy_list;
        default: return im::DecidedBy::administrator;
    }
}
std::int64_t seconds_of(TimePoint time) {
    return std::chrono::duration_cast<Seconds>(time.time_since_epoch()).count();
}

bool is_intact(const Statement& row, const xmpp::Jid& user, std::int64_t number) {
    const auto sum = record_sum(number, row.text(0), row.integer(1), row.integer(2), row.integer(3));
    return intact(row, 4, sum, "user_policy_entry", std::string(row.text(0)) + " of " + user.to_string());
}

Result<void> put_entry(Connection& db, std::int64_t user, const im::PolicyEntry& entry) {
    auto put = db.prepare(
        "INSERT OR REPLACE INTO user_policy_entry (user, who, verdict, decided_by, at, sum) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
    const auto who = entry.who.to_string();
    const auto verdict = number_of(entry.verdict), by = number_of(entry.by), at = seconds_of(entry.at);
    put.bind(1, user).bind(2, who).bind(3, verdict).bind(4, by).bind(5, at);
    return put.bind(6, record_sum(user, who, verdict, by, at)).run();
}

Result<void> put_defaults(Connection& db, std::int64_t user, const im::PolicyChange& change) {
    if (!change.inside && !change.outside) return {};
    auto make = db.prepare("INSERT OR IGNORE INTO user_policy (user, inside, outside) VALUES (?1, 0, 0)");
    if (auto ok = make.bind(1, user).run(); !ok) return ok;
    if (change.inside) {
        auto set = db.prepare("UPDATE user_policy SET inside = ?2 WHERE user = ?1");
        if (auto ok = set.bind(1, user).bind(2, number_of(*change.inside)).run(); !ok) return ok;
    }
    if (!change.outside) return {};
    auto set = db.prepare("UPDATE user_policy SET outside = ?2 WHERE user = ?1");
    return set.bind(1, user).bind(2, number_of(*change.outside)).run();
}

}  // namespace

void SqliteUserPolicyStore::load(xmpp::Jid user, Done<im::UserPolicy> done) {
    auto work = [user = std::move(user)](Connection& db) -> Result<im::UserPolicy> {
        const ReadTransaction snapshot(db);
        im::UserPolicy policy;
        const auto number = find_user(db, user);
        if (!number) return number.error();
        if (*number == 0) return policy;
        auto defaults = db.prepare("SELECT inside, outside FROM user_policy WHERE user = ?1");
        const auto found = defaults.bind(1, *number).step();
        if (!found) return found.error();
        if (*found) {
            policy.inside = verdict_of(defaults.integer(0));
            policy.outside = verdict_of(defaults.integer(1));
        }
        auto select = db.prepare("SELECT who, verdict, decided_by, at, sum FROM user_policy_entry WHERE user = ?1");
        select.bind(1, *number);
        for (;;) {
            const auto more = select.step();
            if (!more) return more.error();
            if (!*more) return policy;
            if (!is_intact(select, user, *number)) continue;
            auto who = stored_jid(select.text(0));
            if (!who) return who.error();
            policy.put({*std::move(who), verdict_of(select.integer(1)), decided_by(select.integer(2)),
                        TimePoint{Seconds{select.integer(3)}}});
        }
    };
    database_.read<im::UserPolicy>(executor_, std::move(work), std::move(done));
}

void SqliteUserPolicyStore::apply(xmpp::Jid user, im::PolicyChange change, Done<> done) {
    const std::size_t bytes = 64 + 128 * (change.put.size() + change.remove.size());
    auto work = [user = user.bare(), change = std::move(change)](WriteState& state) -> Result<void> {
        auto& db = state.db;
        const auto number = state.users.find_or_make(db, user);
        if (!number) return number.error();
        Savepoint savepoint(db);
        if (auto ok = put_defaults(db, *number, change); !ok) return ok;
        for (const auto& who : change.remove) {
            const auto text = who.to_string();
            auto remove = db.prepare("DELETE FROM user_policy_entry WHERE user = ?1 AND who = ?2");
            if (auto ok = remove.bind(1, *number).bind(2, text).run(); !ok) return ok;
        }
        for (const auto& entry : change.put)
            if (auto ok = put_entry(db, *number, entry); !ok) return ok;
        return savepoint.release();
    };
    database_.write<void>(executor_, bytes, Urgency::now, std::move(work), std::move(done));
}

}  // namespace parley::storage::sqlite
