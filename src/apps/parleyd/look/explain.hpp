#pragma once

#include <optional>

#include "apps/parleyd/look/parts.hpp"
#include "im/pair_facts.hpp"
#include "im/partner_overview.hpp"

namespace parley::look {

// What is known of two people, of whom one at least is ours.
struct ExplainFacts {
    xmpp::Jid watcher, target;
    // What each has of the other; nothing for somebody who is not ours.
    std::optional<im::PairFacts> of_watcher, of_target;
    im::PartnerOverview partner;  // of the one who is not ours
};

// `parleyctl explain WATCHER TARGET`: every gate between the watcher and the target's presence, what it says, and what
// would change it.
admin::Report explain(const Parts& parts, const ExplainFacts& facts);

}  // namespace parley::look
