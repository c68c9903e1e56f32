#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "xmpp/jid.hpp"

// `parleyctl trace`: what became of the messages and subscriptions of somebody, over both protocols.
namespace parley::im {

inline constexpr std::size_t most_traces = 8;            // running or ended; the oldest that has ended makes room
inline constexpr std::size_t most_trace_events = 5'000;  // of one trace; the oldest go first
inline constexpr std::size_t most_trace_bytes = 2 * 1024 * 1024;
inline constexpr std::size_t most_trace_body = 4 * 1024;  // bytes of one body; the rest is cut off
inline constexpr std::chrono::minutes longest_trace{24 * 60};
inline constexpr std::chrono::hours ended_trace_kept{24};

// One thing that happened to a stanza or a SIP message. Texts are made fit for a terminal when they are recorded: what
// a peer sends may hold anything.
struct TraceEvent {
    enum class Way { from_user, to_user, from_partner, to_partner, inside };
    using Fact = std::pair<std::string, std::string>;

    TimePoint at{};
    Way way = Way::inside;
    std::string protocol;  // "XMPP", "SIP"; empty inside
    std::string from, to;  // who writes to whom, as JIDs
    // On the wire the protocol's own words: "message chat", "INVITE", "200 INVITE". Inside the name of a sentence of
    // ours: trace.NAME of the catalogues, whose places the facts fill in their order.
    std::string what;
    std::vector<Fact> facts;  // ids and what else tells: {"call-id", "..."}
    std::optional<std::string> body;
    std::size_t body_bytes = 0;  // of a body that may not be shown, too
    // Events that have one of these in common are about the same message or subscription.
    std::vector<std::string> keys{};
    std::size_t group = 0;  // given by Tracer::events(): from 1 in the order of their first events; 0: alone
    bool operator==(const TraceEvent&) const = default;
};

struct TraceInfo {
    std::uint32_t id = 0;
    std::string who, with;  // a user or a domain; of `with` too, or empty: with anybody
    bool bodies = false;
    bool running = false;
    TimePoint begun{}, until{};
    std::size_t events = 0;
    std::uint64_t dropped = 0;  // events that made room for later ones
    bool operator==(const TraceInfo&) const = default;
};

// The traces of a process, in memory only. Thread-safe: shards record, the main loop asks.
//
// While no trace runs an event point costs one relaxed load (`on`). While one runs it costs a hash of both addresses;
// only what is wanted takes the lock.
class Tracer {
public:
    bool on() const noexcept { return running_.load(std::memory_order_relaxed) != 0; }
    // May a running trace follow what passes between these two (people or domains; either may be empty)? Asked before
    // the event is put together. True also for a few that none follows: record() looks closely.
    bool wants(const xmpp::Jid& one, const xmpp::Jid& other) const noexcept;
    // Does one follow them that records bodies?
    bool wants_body(const xmpp::Jid& one, const xmpp::Jid& other) const;
    void record(const xmpp::Jid& one, const xmpp::Jid& other, TraceEvent event);

    // `who` and `with`: a user or a domain; `with` may be empty. conflict: as many run as may.
    Result<TraceInfo> start(const xmpp::Jid& who, const xmpp::Jid& with, std::chrono::minutes length, bool bodies,
                            TimePoint now);
    // Ends it; what it has recorded stays. `forget`: that goes too. not_found: there is no such trace.
    Result<TraceInfo> stop(std::uint32_t id, bool forget, TimePoint now);
    // Ends what is over and forgets what ended long ago. Gives when the next one ends, if any runs.
    std::optional<TimePoint> expire(TimePoint now);

    std::vector<TraceInfo> list() const;  // in the order of their beginning
    // The newest of that number, person or domain; "": the newest of all.
    std::optional<TraceInfo> find(std::string_view key) const;
    // In the order in which they happened, with their groups; bodies only with `bodies`, and where they were recorded.
    std::vector<TraceEvent> events(std::uint32_t id, bool bodies) const;

private:
    struct Target {
        xmpp::Jid jid;
        std::uint64_t hash = 0;
        bool is(const xmpp::Jid& who) const;
    };
    struct Trace {
        TraceInfo info;
        Target who, with;
        std::deque<TraceEvent> events;
        std::size_t bytes = 0;
        bool follows(const xmpp::Jid& one, const xmpp::Jid& other) const;
    };
    // What the running traces follow, for wants(): hashes of people and domains; 0: none.
    std::array<std::atomic<std::uint64_t>, most_traces> wanted_{};
    std::atomic<unsigned> running_{0};
    mutable std::mutex mutex_;
    std::vector<Trace> traces_;
    std::uint32_t last_id_ = 0;

    void end(Trace& trace, TimePoint now);
    void publish();
};

// The keys that both sides of the gateway know: of a message by the origin of its envelope, or (where it has none,
// since its client waits for no acknowledgement) by the id that its sender gave it; and of all that is said about one
// person's presence for another.
std::string message_key(std::string_view origin);
std::string id_key(const xmpp::Jid& from, const xmpp::Jid& to, std::string_view id);
std::string watch_key(const xmpp::Jid& watcher, const xmpp::Jid& watched);

// Gives each event its group: those that have a key in common, also by way of others.
void group_events(std::vector<TraceEvent>& events);

}  // namespace parley::im
