#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "im/trace.hpp"
#include "sip/message.hpp"

namespace parley::gateway {

// The event points of `parleyctl trace` on the SIP side of one shard. Each caller asks on() first: that is all that
// they cost while no trace runs.
class SipTrace {
public:
    using Pair = std::pair<xmpp::Jid, xmpp::Jid>;  // our user and the partner's, bare
    using Facts = std::vector<im::TraceEvent::Fact>;

    SipTrace(im::Tracer* tracer, const Clock& clock) : tracer_(tracer), clock_(clock) {}
    bool on() const { return tracer_ && tracer_->on(); }

    // A SIP message that has come or goes. `text`: the key of the text that it carries or is sent for, or empty.
    // `refusal`: the status with which a request is refused before anybody looks at it, or 0.
    void message(bool incoming, const sip::Message& message, const Pair& pair, std::string text, int refusal) const;
    // What we did: `what` is the NAME of a sentence trace.NAME, the facts fill its places.
    void text_step(const Pair& pair, std::string key, std::string_view what, Facts facts) const {
        step(pair, std::move(key), what, std::move(facts));
    }
    void watch_step(const Pair& pair, std::string_view what, Facts facts) const;  // ours watches theirs
    // Something between two domains.
    void link(const std::string& local, const std::string& remote, std::string_view what, Facts facts) const;

private:
    void step(const Pair& pair, std::string key, std::string_view what, Facts facts) const;

    im::Tracer* tracer_;
    const Clock& clock_;
};

}  // namespace parley::gateway
