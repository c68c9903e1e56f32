#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "xmpp/payload/disco.hpp"

namespace parley::im {

// XEP-0115 5.1: the verification string of what an entity answers to disco#info, by "sha-1" or "sha-256". Nothing:
// another hash, or an answer that 5.4 calls ill-formed (an identity, feature or form twice) or that holds the separator
// '<', with which a string can be made to look like another.
std::optional<std::string> caps_verification(const xmpp::DiscoInfo& info, std::string_view hash = "sha-1");

// What clients can do, learnt once for all that announce the same hash. One a shard.
class CapsCache {
public:
    static constexpr std::size_t entries_max = 10'000;  // then the oldest goes

    // The features behind these capabilities; nullptr: not known yet, ask node#ver of who announced them.
    const std::set<std::string>* features(const xmpp::Caps& caps) const;
    // Takes the answer if it gives the announced hash. forbidden: it does not, so that nobody can speak for other
    // clients (9.1).
    Result<> learn(const xmpp::Caps& caps, const xmpp::DiscoInfo& info);
    std::size_t size() const { return known_.size(); }

private:
    using Key = std::pair<std::string, std::string>;  // hash, ver: `node` is not part of what is hashed
    std::map<Key, std::set<std::string>> known_;
    std::deque<Key> order_;
};

}  // namespace parley::im
