#include "storage/sqlite/vcard_store.hpp"

#include "storage/sqlite/record_sum.hpp"

namespace parley::storage::sqlite {

void SqliteVcardStore::load(xmpp::Jid user, Done<std::string> done) {
    auto work = [user = std::move(user)](Connection& db) -> Result<std::string> {
        auto select = db.prepare(
            "SELECT xml, user, sum FROM vcard WHERE user = (SELECT id FROM user WHERE domain = ?1 AND local = ?2)");
        const auto found = select.bind(1, user.domain()).bind(2, user.local()).step();
        if (!found) return found.error();
        if (!*found) return std::string();
        if (!intact(select, 2, record_sum(select.integer(1), select.text(0)), "vcard", user.bare().to_string()))
            return Error{Errc::storage, "the vCard of " + user.bare().to_string() + " is damaged"};
        return std::string(select.text(0));
    };
    database_.read<std::string>(executor_, std::move(work), std::move(done));
}

void SqliteVcardStore::put(xmpp::Jid user, std::string vcard, Done<> done) {
    const std::size_t bytes = 64 + vcard.size();
    auto work = [user = user.bare(), vcard = std::move(vcard)](WriteState& state) -> Result<void> {
        const auto number = state.users.find_or_make(state.db, user);
        if (!number) return number.error();
        auto put = state.db.prepare("INSERT OR REPLACE INTO vcard (user, xml, sum) VALUES (?1, ?2, ?3)");
        return put.bind(1, *number).bind(2, vcard).bind(3, record_sum(*number, vcard)).run();
    };
    database_.write<void>(executor_, bytes, Urgency::now, std::move(work), std::move(done));
}

}  // namespace parley::storage::sqlite
