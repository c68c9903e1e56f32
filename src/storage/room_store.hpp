#pragma once

#include <cstdint>

#include "base/clock.hpp"
#include "storage/account_store.hpp"

namespace parley::storage {

// A room of a local service. `record` is its owner's (im/room/room_record.hpp); the rest is what is looked for.
struct RoomRow {
    xmpp::Jid room;     // bare
    xmpp::Jid creator;  // bare
    std::string name;
    bool listed = false;
    std::string record;
    bool operator==(const RoomRow&) const = default;
};

struct RoomMessage {
    TimePoint received{};
    std::string origin;  // unique a room: the same message handed over again is kept once
    std::string stanza;  // XML, namespace jabber:client
    bool operator==(const RoomMessage&) const = default;
};

struct RoomQuota {
    std::size_t rooms = 0;  // of all services together
    std::size_t of_creator = 0;
};

class RoomStore {  // every engine passes tests/contract/room_store_contract.hpp
public:
    virtual ~RoomStore() = default;
    struct Loaded {
        std::string record;
        std::vector<RoomMessage> history;  // oldest first
    };
    struct Listed {
        xmpp::Jid room;
        std::string name;
        bool operator==(const Listed&) const = default;
    };
    virtual void load(xmpp::Jid room, Done<Loaded> done) = 0;            // not_found
    virtual void create(RoomRow row, RoomQuota quota, Done<> done) = 0;  // conflict; too_long: the quota is used up
    virtual void put(RoomRow row, Done<> done) = 0;                      // not_found
    virtual void remove(xmpp::Jid room, Done<> done) = 0;                // with its messages; not_found
    virtual void list(std::string domain, Done<std::vector<Listed>> done) = 0;  // the listed ones, sorted
    // Keeps the newest `keep` of the room. True: it was there already. not_found: no such room.
    virtual void append(xmpp::Jid room, RoomMessage message, std::size_t keep, Done<bool> done) = 0;
};

}  // namespace parley::storage
