#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace parley::im {

// One thing that happened with a partner, or the same thing several times in a row.
struct PartnerEvent {
    enum class What {
        connected,  // a connection or stream stands, proven
        lost,       // it has ended
        failed,     // we could not reach the partner
        refused,    // we did not let it in
        rule,       // its rule was written or, with an empty `detail`, taken out
        retried,    // an administrator has asked for another attempt
    };
    // Why it failed, as far as the program can tell; `detail` has the words.
    enum class Fault {
        none,
        dns,
        refused,     // nothing listens there
        silent,      // no answer in time
        connection,  // it broke, or could not be made
        tls,
        no_tls,
        certificate,  // theirs
        no_proof,     // ours was not enough
        dialback,
        stream,  // it ended the stream with a reason
    };
    What what = What::connected;
    Fault fault = Fault::none;
    bool by_us = false;  // our attempt, our connection
    std::string local;   // our domain, or empty
    std::string detail;  // words, for people
    std::string place;   // "sip.partner.example 192.0.2.1:5061", TLS, proof; of the last time
    TimePoint first{}, last{};
    std::uint32_t times = 1;
    std::uint64_t number = 0;  // within the partner's history, growing
    bool operator==(const PartnerEvent&) const = default;
};

// Why a connection could not be made.
PartnerEvent::Fault fault_of(const Error& connecting);
// The step of a trace that tells of it (im/trace.hpp), for what happens to a connection: "link-up", "link-in",
// "link-down", "link-refused", "link-failed".
std::string_view trace_step(const PartnerEvent& event);

// What has happened with each partner, newest last: for `parleyctl federation history`. In memory, with what has
// changed for the store to fetch now and then. Thread-safe; called when a connection changes, never for a stanza.
class PartnerHistory {
public:
    static constexpr std::size_t most_events = 100;      // of a partner; the oldest goes first
    static constexpr std::size_t most_partners = 1'000;  // those without a rule go first, then who was quiet longest
    static constexpr std::size_t most_detail = 400;      // bytes

    // `known`: an administrator has named the domain. Who is refused and claims to be another one leaves no trace. The
    // same again within the last few events is counted there.
    void note(std::string_view domain, bool known, PartnerEvent event, TimePoint now);
    std::vector<PartnerEvent> of(std::string_view domain) const;

    // ---- of the store
    struct Change {
        std::string domain;
        std::vector<PartnerEvent> events;  // new or changed
        std::uint64_t oldest = 0;          // those before it go
        bool forgotten = false;            // all go
    };
    void restore(const std::string& domain, std::vector<PartnerEvent> events);  // at start, before any note()
    std::vector<Change> take_changes();

private:
    struct Partner {
        std::vector<PartnerEvent> events;  // there may be a thousand partners with one or two
        std::uint64_t last_number = 0;
        std::set<std::uint64_t> unsaved;  // numbers that the store does not have as they are
        bool known = false;
    };
    using Partners = std::map<std::string, Partner, std::less<>>;
    void make_room();

    mutable std::mutex mutex_;
    Partners partners_;
    std::set<std::string, std::less<>> forgotten_;  // since take_changes()
};

}  // namespace parley::im
