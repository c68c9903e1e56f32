#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "xmpp/jid.hpp"

namespace parley::im {

// RFC 6121 2.1.2.5, from the user's point of view.
enum class Subscription { none, to, from, both };
std::string_view to_string(Subscription subscription);

// One contact, as stored. An item that only records an inbound request (`pending_in` and nothing else) or a
// pre-approval is kept here too but is not shown in the roster: see shown().
struct RosterItem {
    xmpp::Jid contact;  // bare
    std::string name;
    std::vector<std::string> groups;
    Subscription subscription = Subscription::none;
    bool pending_out = false;   // ask='subscribe' (3.1.2)
    bool pending_in = false;    // the contact asked, the user has not answered (3.1.3)
    bool pre_approved = false;  // approved='true' (3.4)
    bool listed = false;        // the user has put it into the roster, or subscribed to it
    std::string request;        // the subscribe stanza as XML, shown again at each initial presence while pending_in

    bool has_to() const { return subscription == Subscription::to || subscription == Subscription::both; }
    bool has_from() const { return subscription == Subscription::from || subscription == Subscription::both; }
    bool shown() const { return listed; }
    bool empty() const {
        return !listed && !pending_in && !pre_approved && subscription == Subscription::none && !pending_out;
    }
    bool operator==(const RosterItem&) const = default;
};

// All of a user's contacts. `version` grows by one with each stored change and is the `ver` of RFC 6121 2.6.
struct Roster {
    std::map<xmpp::Jid, RosterItem> items;
    std::uint64_t version = 0;

    const RosterItem* find(const xmpp::Jid& contact) const;  // by bare JID
};

}  // namespace parley::im
