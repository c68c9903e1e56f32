#include "storage/sqlite/account_store.hpp"

#include <algorithm>

#include "storage/sqlite/record_sum.hpp"
#include "storage/sqlite/row.hpp"

namespace parley::storage::sqlite {
namespace {

constexpr std::size_t account_bytes = 512;  // about, for the queue's limit

void bind_account(Statement& statement, std::int64_t user, const Account& account) {
    statement.bind(1, user).bind(2, std::int64_t{account.disabled});
    RecordSum sum;
    sum.add(user).add(std::int64_t{account.disabled});
    int first = 3;
    for (const auto* keys : {&account.sha1, &account.sha256}) {
        const std::int64_t iterations = keys->iterations;
        statement.bind_blob(first, keys->salt).bind(first + 1, iterations);
        statement.bind_blob(first + 2, keys->stored_key).bind_blob(first + 3, keys->server_key);
        sum.add(keys->salt).add(iterations).add(keys->stored_key).add(keys->server_key);
        first += 4;
    }
    statement.bind(first, sum.value());
}
bool is_intact(const Statement& row, const xmpp::Jid& user) {
    RecordSum sum;
    sum.add(row.integer(9)).add(row.integer(0));
    for (const int first : {1, 5})
        sum.add(row.text(first)).add(row.integer(first + 1)).add(row.text(first + 2)).add(row.text(first + 3));
    return intact(row, 10, sum.value(), "account", user.to_string());
}
xmpp::ScramKeys keys_from(const Statement& row, int column) {
    return {std::string(row.text(column)), static_cast<int>(row.integer(column + 1)), std::string(row.text(column + 2)),
            std::string(row.text(column + 3))};
}

Error no_such(const xmpp::Jid& user) {
    return Error{Errc::not_found, "no account " + user.to_string()};
}

}  // namespace

void SqliteAccountStore::load(xmpp::Jid user, Done<Account> done) {
    auto work = [user = user.bare()](Connection& db) -> Result<Account> {
        auto select = db.prepare(
            "SELECT disabled, sha1_salt, sha1_iterations, sha1_stored, sha1_server, sha256_salt, sha256_iterations, "
            "sha256_stored, sha256_server, user, sum FROM account "
            "WHERE user = (SELECT id FROM user WHERE domain = ?1 AND local = ?2)");
        const auto found = select.bind(1, user.domain()).bind(2, user.local()).step();
        if (!found) return found.error();
        if (!*found) return no_such(user);
        if (!is_intact(select, user))
            return Error{Errc::storage, "the account " + user.to_string() + " is damaged; a new password replaces it"};
        return Account{user, keys_from(select, 1), keys_from(select, 5), select.integer(0) != 0};
    };
    database_.read<Account>(executor_, std::move(work), std::move(done));
}

void SqliteAccountStore::create(Account account, Done<> done) {
    auto work = [account = std::move(account)](WriteState& state) -> Result<void> {
        const auto user = state.users.find_or_make(state.db, account.jid);
        if (!user) return user.error();
        auto insert = state.db.prepare(
            "INSERT INTO account VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING");
        bind_account(insert, *user, account);
        if (auto inserted = insert.run(); !inserted) return inserted;
        if (state.db.changes() == 0) return Error{Errc::conflict, account.jid.to_string() + " exists already"};
        return {};
    };
    database_.write<void>(executor_, account_bytes, Urgency::now, std::move(work), std::move(done));
}

void SqliteAccountStore::create_many(std::vector<Account> accounts, Done<std::size_t> done) {
    const std::size_t bytes = accounts.size() * account_bytes;
    auto work = [accounts = std::move(accounts)](WriteState& state) -> Result<std::size_t> {
        Savepoint savepoint(state.db);
        for (const auto& account : accounts) {
            const auto user = state.users.find_or_make(state.db, account.jid);
            if (!user) return user.error();
            auto put = state.db.prepare(
                "INSERT OR REPLACE INTO account VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
            bind_account(put, *user, account);
            if (const auto ok = put.run(); !ok) {
                state.users.rolled_back();  // numbers that it made go away with the savepoint
                return ok.error();
            }
        }
        if (const auto ok = savepoint.release(); !ok) return ok.error();
        return accounts.size();
    };
    database_.write<std::size_t>(executor_, bytes, Urgency::now, std::move(work), std::move(done));
}

void SqliteAccountStore::replace_keys(Account account, Done<> done) {
    auto work = [account = std::move(account)](WriteState& state) -> Result<void> {
        const auto user = state.users.find(state.db, account.jid);
        if (!user) return user.error();
        auto update = state.db.prepare(
            "UPDATE account SET disabled = ?2, sha1_salt = ?3, sha1_iterations = ?4, sha1_stored = ?5, "
            "sha1_server = ?6, sha256_salt = ?7, sha256_iterations = ?8, sha256_stored = ?9, sha256_server = ?10, "
            "sum = ?11 WHERE user = ?1");
        bind_account(update, *user, account);
        if (auto updated = update.run(); !updated) return updated;
        if (state.db.changes() == 0) return no_such(account.jid);
        return {};
    };
    database_.write<void>(executor_, account_bytes, Urgency::now, std::move(work), std::move(done));
}

void SqliteAccountStore::remove(xmpp::Jid user, Done<> done) {
    auto work = [user = user.bare()](WriteState& state) -> Result<void> {
        const auto number = state.users.find(state.db, user);
        if (!number) return number.error();
        Savepoint savepoint(state.db);
        if (auto ok = state.db.prepare("DELETE FROM account WHERE user = ?1").bind(1, *number).run(); !ok) return ok;
        if (state.db.changes() == 0) return no_such(user);
        for (const Sql sql :
             {Sql("DELETE FROM roster WHERE user = ?1"), Sql("DELETE FROM roster_item WHERE user = ?1"),
              Sql("DELETE FROM spool WHERE user = ?1"), Sql("DELETE FROM vcard WHERE user = ?1"),
              Sql("DELETE FROM user_policy WHERE user = ?1"), Sql("DELETE FROM user_policy_entry WHERE user = ?1"),
              Sql("DELETE FROM user WHERE id = ?1")})
            if (auto ok = state.db.prepare(sql).bind(1, *number).run(); !ok) return ok;
        if (auto ok = savepoint.release(); !ok) return ok;
        state.users.forget(user);
        return {};
    };
    database_.write<void>(executor_, 0, Urgency::now, std::move(work), std::move(done));
}

void SqliteAccountStore::list(std::string domain, Done<std::vector<xmpp::Jid>> done) {
    auto work = [domain = std::move(domain)](Connection& db) -> Result<std::vector<xmpp::Jid>> {
        auto select =
            domain.empty()
                ? db.prepare("SELECT local, domain FROM account JOIN user ON user.id = account.user")
                : db.prepare("SELECT local, domain FROM account JOIN user ON user.id = account.user WHERE domain = ?1");
        if (!domain.empty()) select.bind(1, domain);
        std::vector<xmpp::Jid> users;
        for (;;) {
            const auto more = select.step();
            if (!more) return more.error();
            if (!*more) break;
            auto user = stored_jid(select.text(0), select.text(1));
            if (!user) return user.error();
            users.push_back(*std::move(user));
        }
        std::sort(users.begin(), users.end());
        return users;
    };
    database_.read<std::vector<xmpp::Jid>>(executor_, std::move(work), std::move(done));
}

}  // namespace parley::storage::sqlite
