#pragma once

#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>

#include "im/pair_facts.hpp"

namespace parley::server {

// What last happened between users of one shard and others, bounded: of so many pairs, the oldest goes first.
class PairEvents {
public:
    static constexpr std::size_t most = 10'000;
    struct Entry {
        im::PairEvent last;
        std::uint64_t unheard = 0;
        SteadyTime audited{};  // when the last audit line about a dropped message was written
    };

    Entry& note(const xmpp::Jid& user, const xmpp::Jid& contact, im::PairEvent event);
    const Entry* find(const xmpp::Jid& user, const xmpp::Jid& contact) const;

private:
    using Pair = std::pair<xmpp::Jid, xmpp::Jid>;
    struct Hash {
        std::size_t operator()(const Pair& pair) const noexcept {
            const std::hash<xmpp::Jid> of;
            return of(pair.first) * 31 + of(pair.second);
        }
    };
    std::unordered_map<Pair, Entry, Hash> entries_;
    std::deque<Pair> order_;
};

}  // namespace parley::server
