#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "im/roster.hpp"
#include "im/user_policy.hpp"

namespace parley::im {

// What happened between a user and somebody else, the last of it only: for `parleyctl explain`. Not kept over a
// restart.
struct PairEvent {
    enum class What {
        asked,      // a request came, and waits for the user
        let_in,     // a request was answered with yes, by the policy or by the user
        refused,    // a request was answered with the polite no
        ended,      // the contact is no longer let in
        blocked,    // the user's policy shut the contact out
        unblocked,  // and let it back
        unheard,    // a message of somebody blocked was dropped
    };
    What what = What::asked;
    TimePoint at{};
};

// What one of our users has with somebody else, at this moment.
struct PairFacts {
    bool exists = false;  // the user
    UserPolicy policy;    // its defaults, and of its entries the one that counts
    std::optional<RosterItem> item;
    std::vector<std::string> available;  // the user's resources
    std::optional<PairEvent> last;
    std::uint64_t unheard = 0;  // messages dropped since the start, or since it was forgotten
};

}  // namespace parley::im
