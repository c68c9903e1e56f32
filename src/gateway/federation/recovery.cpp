#include "gateway/federation/recovery.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"

namespace parley::gateway {
namespace {

// A lost connection and one unknown dialog, or three unknown dialogs in a row: some partners lose single ones all the
// time.
constexpr int proof = 3;
constexpr int worth_of_a_lost_link = 2;
constexpr Seconds between_canaries{3}, between_canaries_later{30};
constexpr Seconds later{3600};  // a partner that has been away for so long

}  // namespace

void Recovery::suspect(const std::string& domain, Sign sign) {
    const auto [entry, fresh] = domains_.try_emplace(domain);
    auto& state = entry->second;
    const auto now = executor_.clock().now();
    const int worth = sign == Sign::link_lost ? worth_of_a_lost_link : 1;
    if (!fresh) {
        // The question is being asked already. What was lost since then counts too.
        if (sign == Sign::link_lost) {
            state.since = now;
            state.evidence = std::max(state.evidence, worth);
        }
        return;
    }
    state.since = now;
    state.evidence = worth;
    log(LogLevel::info, domain,
        sign == Sign::link_lost ? "the connection was lost; one subscription asks whether the partner still knows us"
                                : "the partner did not know a subscription; another one asks");
    ask(domain, state);
}

void Recovery::ask(const std::string& domain, Domain& state) {
    state.again = {};
    state.asking = true;
    shards_.ask_canary(state.shard, domain, state.since);
}

void Recovery::answered(const std::string& domain, Canary canary) {
    const auto found = domains_.find(domain);
    if (found == domains_.end() || !found->second.asking) return;
    auto& state = found->second;
    state.asking = false;
    const auto now = executor_.clock().now();
    switch (canary) {
        case Canary::none:
            if (++state.shard < shards_.count()) return ask(domain, state);
            break;  // nobody here watches anybody there
        case Canary::alive: break;
        case Canary::unknown_dialog: {
            if (++state.evidence < proof) return ask(domain, state);
            log(LogLevel::info, domain, "the partner has forgotten our subscriptions; they are made anew");
            const auto since = state.since;
            domains_.erase(found);
            return shards_.forgotten(domain, since);
        }
        case Canary::unreachable: {
            if (!std::exchange(state.unreachable, true)) state.unreachable_since = now;
            const auto delay = now - state.unreachable_since < later ? between_canaries : between_canaries_later;
            state.again = executor_.after(delay, [this, domain] {
                if (const auto entry = domains_.find(domain); entry != domains_.end()) ask(domain, entry->second);
            });
            return;
        }
    }
    domains_.erase(found);
}

}  // namespace parley::gateway
