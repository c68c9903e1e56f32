#include "im/roster.hpp"

#include <algorithm>

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

std::size_t Roster::occupied() const {
    return static_cast<std::size_t>(
        std::count_if(items.begin(), items.end(), [](const auto& entry) { return !entry.second.only_refused(); }));
}

}  // namespace parley::im
