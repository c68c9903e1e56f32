#pragma once

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "im/room/room.hpp"
#include "im/router.hpp"
#include "storage/room_store.hpp"

namespace parley::server {

class Shard;

// The rooms (XEP-0045) of one shard's slots: each has an address like a user's, on a domain of its own beside the local
// domain. Takes the stanzas for them, does what im::Room says, and keeps what lasts. On the shard's thread.
class RoomService {
public:
    explicit RoomService(Shard& shard);
    ~RoomService();

    // As cluster::SlotHandler, for addresses of a room domain.
    void on_hand(im::Envelope envelope, im::Settled settled);
    void on_cast(const im::Envelope& envelope);
    void answer_for_service(const xmpp::Stanza& request);  // asked of the room domain itself
    void reception(const xmpp::Jid& room, Function<void(Result<im::Reception>)> then);
    void sweep();  // what nobody is in, and nothing happens to, leaves the memory

private:
    // A step on its way to the disk. They are finished in the order in which they began.
    struct Pending {
        im::RoomStep step;
        std::size_t missing = 1;
        std::optional<xmpp::StanzaError> failed;
        TimePoint at{};
        im::Settled settled;
    };
    struct Entry {
        Entry(xmpp::Jid jid, im::RoomRecord record, im::RoomLimits limits, im::Sentences sentences)
            : room(std::move(jid), std::move(record), limits, std::move(sentences)) {}
        im::Room room;
        std::deque<std::shared_ptr<Pending>> steps;
        SteadyTime last_used{};
        bool unsaved = false;  // the disk did not take the last change
    };
    using Found = Function<void(Result<Entry*>)>;

    Entry* find(const xmpp::Jid& room) const;
    void with_room(const xmpp::Jid& room, Found then);
    void loaded(const xmpp::Jid& room, Result<storage::RoomStore::Loaded> record);
    void on_presence(const im::Envelope& envelope);
    void create(const im::Envelope& envelope);
    im::Room::Moment moment() const;
    im::RoomLimits limits() const;
    storage::RoomRow row_of(const im::Room& room) const;

    void perform(Entry& entry, im::RoomStep step, std::string origin, im::Settled settled);
    void one_done(const xmpp::Jid& room, const std::shared_ptr<Pending>& pending,
                  std::optional<xmpp::StanzaError> failed);
    void finish(Entry& entry, Pending& pending);
    void deliver(const xmpp::Jid& room, im::Envelope envelope);
    void not_delivered(const xmpp::Jid& room, const im::Envelope& envelope, const xmpp::StanzaError& why);
    void invite(const xmpp::Jid& room, const im::Invitation& invitation, im::Settled settled);
    void invite_over(const xmpp::Jid& room, const im::Invitation& invitation, bool sip, im::Settled settled);
    void answer(const xmpp::Stanza& request, xml::Element payload);

    Shard& shard_;
    std::unordered_map<xmpp::Jid, std::unique_ptr<Entry>> rooms_;
    std::unordered_map<xmpp::Jid, std::vector<Found>> loading_;
};

}  // namespace parley::server
