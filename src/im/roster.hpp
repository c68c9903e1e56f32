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
    // The contact asked and may not see the user, but is not told so: it believes that it may, and sees the user
    // offline. Never with subscription from or both.
    bool refused = false;
    std::string request;  // the subscribe stanza as XML, shown again at each initial presence while pending_in;
                          // kept while refused, for when the refusal is taken back

    bool has_to() const { return subscription == Subscription::to || subscription == Subscription::both; }
    bool has_from() const { return subscription == Subscription::from || subscription == Subscription::both; }
    // What the contact believes: that it is subscribed to the user's presence.
    bool lets_in() const { return has_from() || refused; }
    bool only_refused() const {
        return refused && !listed && !pending_in && !pre_approved && subscription == Subscription::none && !pending_out;
    }
    bool shown() const { return listed; }
    bool empty() const {
        return !listed && !pending_in && !pre_approved && !refused && subscription == Subscription::none &&
               !pending_out;
    }
    bool operator==(const RosterItem&) const = default;
};

// All of a user's contacts. `version` grows by one with each stored change and is the `ver` of RFC 6121 2.6.
struct Roster {
    std::map<xmpp::Jid, RosterItem> items;
    std::uint64_t version = 0;

    const RosterItem* find(const xmpp::Jid& contact) const;  // by bare JID
    // Items that the user has or waits for: those who are refused and nothing else have no share of the user's room.
    std::size_t occupied() const;
};

}  // namespace parley::im
