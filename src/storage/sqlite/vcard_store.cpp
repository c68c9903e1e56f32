#include "storage/sqlite/vcard_store.hpp"

namespace parley::storage::sqlite {

void SqliteVcardStore::load(xmpp::Jid user, Done<std::string> done) {
    auto work = [user = std::move(user)](Connection& db) -> Result<std::string> {
        auto select =
            db.prepare("SELECT xml FROM vcard WHERE user = (SELECT id FROM user WHERE domain = ?1 AND local = ?2)");
        const auto found = select.bind(1, user.domain()).bind(2, user.local()).step();
        if (!found) return found.error();
        return *found ? std::string(select.text(0)) : std::string();
    };
    database_.read<std::string>(executor_, std::move(work), std::move(done));
}

void SqliteVcardStore::put(xmpp::Jid user, std::string vcard, Done<> done) {
    const std::size_t bytes = 64 + vcard.size();
    auto work = [user = user.bare(), vcard = std::move(vcard)](WriteState& state) -> Result<void> {
        const auto number = state.users.find_or_make(state.db, user);
        if (!number) return number.error();
        auto put = state.db.prepare("INSERT OR REPLACE INTO vcard (user, xml) VALUES (?1, ?2)");
        return put.bind(1, *number).bind(2, vcard).run();
    };
    database_.write<void>(executor_, bytes, Urgency::now, std::move(work), std::move(done));
}

}  // namespace parley::storage::sqlite
