#include "server/pair_events.hpp"

namespace parley::server {

PairEvents::Entry& PairEvents::note(const xmpp::Jid& user, const xmpp::Jid& contact, im::PairEvent event) {
    const auto [found, fresh] = entries_.try_emplace({user, contact.bare()});
    found->second.last = event;
    if (!fresh) return found->second;
    order_.push_back(found->first);
    auto& entry = found->second;
    if (order_.size() > most) {
        entries_.erase(order_.front());
        order_.pop_front();
    }
    return entry;
}

const PairEvents::Entry* PairEvents::find(const xmpp::Jid& user, const xmpp::Jid& contact) const {
    const auto found = entries_.find({user, contact.bare()});
    return found == entries_.end() ? nullptr : &found->second;
}

}  // namespace parley::server
