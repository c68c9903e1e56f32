#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "im/envelope.hpp"
#include "im/room/room_record.hpp"
#include "im/sentences.hpp"

namespace parley::im {

struct RoomLimits {
    std::size_t occupants = 200;  // clients in the room, and contacts
    std::size_t contacts = 20;
    std::size_t people = 1000;  // affiliations that are kept
    std::size_t history = 50;   // messages that who joins is shown, and that are kept
    std::size_t text = 16 * 1024;
    double per_second = 5, burst = 40;  // stanzas of one occupant
};

// How much of the history who joins wants (XEP-0045 7.2.13).
struct HistoryWish {
    xmpp::Jid to;
    std::size_t messages = 0;
    std::optional<TimePoint> since;
};

struct Invitation {
    xmpp::Jid to;  // bare
    xmpp::Jid by;  // an occupant's real address
    std::string nick, reason, language;
};

// What follows from one thing that happened in a room. The caller takes the steps of a room one after another: first
// all of `durable`, `save` and `keep` has to be on disk, then the rest is done, in this order.
struct RoomStep {
    std::optional<xmpp::StanzaError> refused;  // its sender is told; nothing else has happened
    std::vector<Envelope> durable;             // to contacts
    bool save = false;                         // the record has changed
    std::shared_ptr<const xmpp::Stanza> keep;  // a message for the history
    std::vector<Envelope> send;
    std::optional<HistoryWish> history;
    std::vector<Envelope> last;           // behind the history
    std::vector<Invitation> invitations;  // to be asked for by invite_contact() or send_invitation()
    bool destroyed = false;
};

// A room for many (XEP-0045) with those who are in it. Pure: time and random ids are handed in, the disk and the way of
// stanzas are the caller's. Besides XMPP users it holds contacts of SIP partners, who cannot join: the room has a
// conversation of its own with each, as if it were a person, tells them who says what, and passes on what they say.
class Room {
public:
    struct Moment {
        SteadyTime now{};
        TimePoint wall{};
        std::string id;  // a fresh random one
    };
    Room(xmpp::Jid jid, RoomRecord record, RoomLimits limits, Sentences sentences);
    ~Room();

    const xmpp::Jid& jid() const { return jid_; }
    const RoomRecord& record() const { return record_; }
    bool empty() const { return occupants_.empty(); }
    std::size_t size() const;

    // ---- stanzas to the room or one of its nicknames, whoever sent them. `created`: by this very presence.
    RoomStep on_presence(const xmpp::Stanza& presence, const xmpp::Jid& to, const Moment& at, bool created = false);
    RoomStep on_message(const xmpp::Stanza& message, const xmpp::Jid& to, const Moment& at);
    RoomStep on_iq(const xmpp::Stanza& iq, const xmpp::Jid& to, const Moment& at);  // requests
    // A copy could not be delivered: that client has gone.
    RoomStep on_gone(const xmpp::Jid& client);

    // ---- invitations that on_message() has allowed
    RoomStep send_invitation(const Invitation& invitation);                   // of somebody who can join
    RoomStep invite_contact(const Invitation& invitation, const Moment& at);  // of a SIP partner's user

    // ---- history: what has been kept, oldest first
    void remember(TimePoint received, std::shared_ptr<const xmpp::Stanza> message);
    std::vector<Envelope> history(const HistoryWish& wish) const;

private:
    struct Client {
        xmpp::Jid jid;
        std::vector<xml::Element> shown;  // of its presence
        double tokens = 0;
        SteadyTime refilled{};
    };
    struct Occupant {
        std::string nick;
        xmpp::Jid bare;
        Role role = Role::participant;
        std::vector<Client> clients;
    };
    // What a presence of an occupant says.
    struct Said {
        Role role;
        bool available = true;
        std::vector<int> codes;      // for everybody (XEP-0045 15.6)
        std::vector<int> own_codes;  // for the occupant
        std::string new_nick, reason;
        std::optional<xml::Element> destroy;
    };

    // room.cpp
    Occupant* find_client(const xmpp::Jid& client, Client** which = nullptr);
    Occupant* find_nick(std::string_view nick);
    RoomContact* find_contact(const xmpp::Jid& person);
    bool nick_taken(std::string_view nick, const xmpp::Jid& except) const;
    bool too_fast(Client& client, const Moment& at) const;
    xmpp::Jid address(std::string_view nick) const;  // room@service/nick
    Role first_role(Affiliation affiliation) const;
    bool is_moderator(const Occupant& occupant) const { return occupant.role == Role::moderator; }
    void to_all(RoomStep& step, const std::shared_ptr<const xmpp::Stanza>& stanza) const;
    void notice(RoomStep& step, std::string_view id, const std::vector<std::string>& args, const Moment& at) const;
    void tell_contacts(RoomStep& step, const std::string& text, const Moment& at, const xmpp::Jid& except = {}) const;
    Envelope text_to(const RoomContact& contact, std::string text, const Moment& at, bool asks_receipt) const;
    std::string say(std::string_view language, std::string_view id, const std::vector<std::string>& args) const;

    // room_presence.cpp
    RoomStep join(const xmpp::Stanza& presence, const std::string& nick, const Moment& at, bool created);
    RoomStep rename(Occupant& occupant, const xmpp::Stanza& presence, const std::string& nick);
    void leave(RoomStep& step, Occupant& occupant, const xmpp::Jid& client, Said said);
    void remove(RoomStep& step, Occupant& occupant, Said said);  // all of its clients
    std::shared_ptr<const xmpp::Stanza> presence_of(const Occupant& occupant, const Client& client, const Said& said,
                                                    bool with_address, bool own) const;
    std::shared_ptr<const xmpp::Stanza> presence_of(const RoomContact& contact, bool available, bool with_address,
                                                    std::vector<int> codes = {}) const;
    void show(RoomStep& step, const Occupant& occupant, const Client& client, const Said& said) const;
    void show(RoomStep& step, const RoomContact& contact, bool available, const std::vector<int>& codes = {}) const;
    RoomStep contact_presence(const xmpp::Stanza& presence, const RoomContact& contact) const;

    // room_messages.cpp
    RoomStep say_to_all(const xmpp::Stanza& message, Occupant& occupant, const Moment& at);
    RoomStep set_subject(const xmpp::Stanza& message, const Occupant& occupant, const Moment& at);
    RoomStep say_in_private(const xmpp::Stanza& message, const Occupant& occupant, const std::string& nick);
    RoomStep invite(const xmpp::Stanza& message, const xml::Element& x, const Occupant& occupant) const;

    // room_contacts.cpp
    RoomStep contact_message(const xmpp::Stanza& message, RoomContact& contact, const Moment& at);
    void contact_joins(RoomStep& step, RoomContact& contact);
    void contact_leaves(RoomStep& step, const xmpp::Jid& contact, bool for_good, const std::vector<int>& codes = {});
    void dismiss(RoomStep& step, const RoomContact& contact, std::string text, const Moment& at) const;
    std::string free_nick(const xmpp::Jid& person) const;
    std::string who_is_here() const;

    // room_iq.cpp, room_admin.cpp
    RoomStep owner_request(const xmpp::Stanza& iq, const Moment& at);
    RoomStep configure(const xmpp::Stanza& iq, const xml::Element& form);
    RoomStep destroy(const xmpp::Stanza& iq, const xml::Element& element, const Moment& at);
    // Who asks for a change of somebody's standing, and why.
    struct Actor {
        xmpp::Jid jid;
        Affiliation affiliation;
        Role role;
    };
    RoomStep list_people(const xmpp::Stanza& iq, const xml::Element& item, const Actor& actor);
    RoomStep change_people(const xmpp::Stanza& iq, const xml::Element& query, const Actor& actor, const Moment& at);
    std::optional<xmpp::StanzaError> change_affiliation(RoomStep& step, const Actor& actor, const xmpp::Jid& person,
                                                        Affiliation to, const std::string& reason, const Moment& at);
    std::optional<xmpp::StanzaError> change_role(RoomStep& step, const Actor& actor, const std::string& nick, Role to,
                                                 const std::string& reason, const Moment& at);
    void after_affiliation(RoomStep& step, const xmpp::Jid& person, Affiliation to, const std::string& reason,
                           const Moment& at);
    xml::Element info() const;
    xml::Element items() const;

    xmpp::Jid jid_;
    RoomRecord record_;
    RoomLimits limits_;
    Sentences sentences_;
    std::vector<std::unique_ptr<Occupant>> occupants_;
    std::vector<xmpp::Jid> troubled_;  // contacts whose last text did not arrive: the room has been told
    struct Kept {
        TimePoint received;
        std::shared_ptr<const xmpp::Stanza> message;
    };
    std::deque<Kept> history_;
};

// A direct invitation (XEP-0249) as the mediated one that asks the room to invite that person; nothing when the message
// is none.
std::optional<xmpp::Stanza> as_mediated(const xmpp::Stanza& message);

// The configuration form (XEP-0045 10.2): what it looks like, and what a submitted one changes. An error names the
// field.
xml::Element room_form(const RoomConfig& config);
Result<RoomConfig> read_room_form(const xml::Element& form, RoomConfig before);

}  // namespace parley::im
