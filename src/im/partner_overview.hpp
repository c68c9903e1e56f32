#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "xmpp/jid.hpp"

namespace parley::im {

// What there is between us and one foreign domain at this moment, of one shard or, added up, of all: for `parleyctl
// federation show`.
struct PartnerOverview {
    static constexpr std::size_t most_listed = 1'000;  // connections, failures, talks, watches
    struct Connection {
        bool by_us = false;
        bool both_ways = false;   // stanzas of both sides go by it (XEP-0288)
        std::string local;        // our domain; may be empty where the partner connected
        std::string place;        // "sip.partner.example 192.0.2.1:5061"
        std::string tls;          // "TLSv1.3 TLS_AES_128_GCM_SHA256"; empty: plain
        std::string certificate;  // names, for people
        std::string sha256;
        std::string proof;  // of XMPP partners who they are: "pkix", "dane", "posh", "dialback", "none"; empty: no TLS
        TimePoint since{};
    };
    struct Failure {
        std::string local, why;
        TimePoint at{};
    };
    // One presence subscription over SIP.
    struct Watch {
        enum class State {
            active,
            asked,    // nobody has answered yet
            queued,   // waits for its turn at the partner
            waiting,  // was refused or lost, and is tried again later
        };
        xmpp::Jid ours, theirs;
        bool by_us = false;  // ours watches theirs
        State state = State::active;
    };
    std::vector<Connection> connections;
    std::vector<Watch> watches;
    std::vector<Failure> failures;
    std::vector<Failure> undelivered;  // SIP: why the last text was refused, where none has been taken since then
    std::vector<std::pair<xmpp::Jid, xmpp::Jid>> talks;  // open message sessions: ours, theirs
    std::size_t queued = 0;                              // requests or stanzas that wait for a connection or their turn
    std::size_t watched = 0, confirmed = 0;              // people of theirs that ours watch; who has let us
    std::size_t watchers = 0;                            // people of theirs who watch ours, once a pair
    std::size_t sessions = 0;                            // talks, also those that are not listed

    void add(PartnerOverview other) {
        const auto append = [](auto& to, auto& from) {
            for (auto& item : from)
                if (to.size() < most_listed) to.push_back(std::move(item));
        };
        append(connections, other.connections);
        append(failures, other.failures);
        append(undelivered, other.undelivered);
        append(talks, other.talks);
        append(watches, other.watches);
        queued += other.queued;
        watched += other.watched;
        confirmed += other.confirmed;
        watchers += other.watchers;
        sessions += other.sessions;
    }
};

}  // namespace parley::im
