#pragma once

#include "apps/parleyd/look/probe.hpp"

namespace parley::look {

// The way from an XMPP partner to us. A dialback key makes the partner look us up, connect to us and ask (XEP-0220):
// its question, for the stream that we opened, is the proof. Where the stream of the test was proven by a certificate,
// a second one is opened for this. What is known of earlier streams of the partner is said too. One thread.
class WayIn {
public:
    using Found = Function<void(admin::Report)>;
    virtual ~WayIn() = default;  // ends it; nothing is said then
    // `probe` is that of an address which has passed.
    static std::unique_ptr<WayIn> start(const Parts& parts, const Probe::Question& question, const Probe& probe,
                                        Found found);
};

// Whether the partner has asked about our key for its stream of this id, and from where; empty: it has not.
std::string asked_here(const Parts& parts, const std::string& domain, const std::string& stream_id);
// A key of ours was refused with this reason: the rule id, where it is about the partner's way to us.
std::optional<admin::Message> why_unreachable(const std::string& reason, bool asked_here);

// What is remembered of the partner's own streams and requests to us; no probe is needed for it. `proven`: this test
// has seen it connect.
void say_seen(const Parts& parts, const std::string& domain, bool sip, const im::PartnerOverview& overview, bool proven,
              admin::Report& report);

}  // namespace parley::look
