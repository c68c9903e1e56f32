#pragma once

#include "storage/room_store.hpp"
#include "storage/sqlite/database.hpp"

namespace parley::storage::sqlite {

class SqliteRoomStore final : public RoomStore {
public:
    SqliteRoomStore(Database& database, Executor& executor) : database_(database), executor_(executor) {}
    void load(xmpp::Jid room, Done<Loaded> done) override;
    void create(RoomRow row, RoomQuota quota, Done<> done) override;
    void put(RoomRow row, Done<> done) override;
    void remove(xmpp::Jid room, Done<> done) override;
    void list(std::string domain, Done<std::vector<Listed>> done) override;
    void append(xmpp::Jid room, RoomMessage message, std::size_t keep, Done<bool> done) override;

private:
    Database& database_;
    Executor& executor_;
};

}  // namespace parley::storage::sqlite
