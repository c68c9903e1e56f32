#pragma once

#include <string>

#include "base/error.hpp"
#include "base/executor.hpp"
#include "base/function.hpp"
#include "im/federation_policy.hpp"

namespace parley::im {

// How domains are reached whose rule says `automatic`: their DNS decides, at the first use and again when its records
// have run out. What is decided stands in the policy that everybody reads: the rule says `xmpp` or `sip` there. So only
// who finds `automatic` in a rule has to ask.
class PartnerTransports {
public:
    virtual ~PartnerTransports() = default;
    // From any thread; `found` is posted to `executor`, after the policy has changed. Errors, with a sentence for
    // people: not_found (the domain publishes no way to reach it), forbidden (only one that its rule does not allow),
    // timed_out or closed (DNS failed).
    virtual void find(Executor& executor, const std::string& domain, Function<void(Result<Transport>)> found) = 0;
};

}  // namespace parley::im
