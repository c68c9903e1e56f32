#pragma once

#include "gateway/federation/settings.hpp"
#include "im/partner_history.hpp"
#include "im/refusals.hpp"
#include "im/trace.hpp"

namespace parley::gateway {

// Who watches what the gateway does; nullptr: nobody. All are thread-safe and outlive the gateway.
struct Observers {
    im::Tracer* tracer = nullptr;
    im::PartnerHistory* history = nullptr;
    im::Refusals* refusals = nullptr;  // without it the refused are told no reference
};

inline im::Refusals::Noted note_refusal(const Observers& observers, im::Refusal refusal, const SipSettings& settings,
                                        TimePoint now, Random& random) {
    if (!observers.refusals) return {{}, refusal.why};
    const bool known = settings.policy.names(refusal.partner);
    return observers.refusals->note(std::move(refusal), known, now, random);
}

}  // namespace parley::gateway
