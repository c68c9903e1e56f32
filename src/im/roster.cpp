#include "im/roster.hpp"

namespace parley::im {

std::string_view to_string(Subscription subscription) {
    switch (subscription) {
        case Subscription::none: return "none";
        case Subscription::to: return "to";
        case Subscription::from: return "from";
        case Subscription::both: return "both";
    }
    return "none";
}

const RosterItem* Roster::find(const xmpp::Jid& contact) const {
    const auto found = items.find(contact.bare());
    return found == items.end() ? nullptr : &found->second;
}

}  // namespace parley::im
