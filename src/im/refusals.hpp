#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "im/federation_policy.hpp"

namespace parley::im {

// What a server of another domain was told "no" to: once, or the same several times.
struct Refusal {
    std::string reference;  // what it was told, so that its administrator can ask ours: eight letters and digits
    std::string partner;    // the domain that it speaks for or claims to be, or empty
    std::string local;      // our domain that it wanted, or empty
    std::string protocol;   // "XMPP" or "SIP"
    std::string address;    // whence it came, without the port; empty where a stanza was refused far from its stream
    std::string condition;  // the protocol's word: "policy-violation", "403"
    std::string why;        // in words
    std::string remedy;     // what an administrator here can do, or empty
    TimePoint first{}, last{};
    std::uint32_t times = 1;
    bool operator==(const Refusal&) const = default;
};

// A partner may not send of its own accord (FederationPolicy::may_begin); protocol and condition are left to the
// caller. Subdomains that one rule is about are as many as anybody makes up: they are refused together.
Refusal one_way_refusal(const FederationPolicy& policy, const std::string& domain);

// What the refused is told: why and the reference, or the reference alone.
std::string told(std::string_view why, std::string_view reference, bool disclosed);

// The refusals of the last time by their references: for `parleyctl federation refusals`. The same of one address is
// one entry with one reference, so that a flood of refusals is no flood of entries. In memory, with what has changed
// for the store to fetch now and then. Thread-safe; called when something is refused, never for what is let through.
class Refusals {
public:
    // Those of domains that no rule names go first, then those that were seen last the longest ago.
    static constexpr std::size_t most = 2'000;
    // Of one address, or where none is known of one partner (an IPv6 /64 is one address): who makes up names pushes out
    // one's own.
    static constexpr std::size_t most_of_one = 100;
    static constexpr std::size_t most_words = 400;  // bytes of each text

    struct Noted {
        std::string reference;
        std::string why;  // as it is kept: of bounded length, and fit for a terminal
    };
    // `known`: a rule names the domain. `reference`, `first`, `last` and `times` are set here.
    Noted note(Refusal what, bool known, TimePoint now, Random& random);
    std::optional<Refusal> find(std::string_view reference) const;
    // Of one partner, or of all where `partner` is empty; newest first.
    std::vector<Refusal> newest(std::string_view partner, std::size_t count) const;

    // ---- of the store
    struct Change {
        std::vector<Refusal> changed;  // new ones too
        std::vector<std::string> gone;
        bool empty() const { return changed.empty() && gone.empty(); }
    };
    void restore(std::vector<Refusal> stored);  // at start, before any note(); newest first
    Change take_changes();
    void put_back(const Change& change);  // it could not be stored

private:
    struct Entry {
        Refusal refusal;
        std::string one;      // whose share it counts for
        bool known = true;    // after a restart, until it is noted again
        bool stored = false;  // the store has it, or is about to
        bool saved = false;   // as it is
    };
    using Entries = std::map<std::string, Entry>;  // by what is the same
    void make_room(const std::string& one);
    void drop(Entries::iterator entry);

    mutable std::mutex mutex_;
    Entries entries_;
    std::set<std::string> gone_;  // references that the store has, until the next save: `most` at most
};

}  // namespace parley::im
