#include "im/trace.hpp"

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "base/hash_stream.hpp"
#include "base/printable.hpp"
#include "base/text.hpp"

namespace parley::im {
namespace {

constexpr std::size_t most_text = 512;  // of an address, an id, a reason
constexpr std::size_t most_facts = 12, most_keys = 4;

std::uint64_t hash_of(std::string_view local, std::string_view domain) {
    return std::max<std::uint64_t>(HashStream().add(local).add(domain).value(), 1);
}

std::size_t size_of(const TraceEvent& event) {
    std::size_t size = sizeof(TraceEvent) + event.protocol.size() + event.from.size() + event.to.size() +
                       event.what.size() + (event.body ? event.body->size() : 0);
    for (const auto& [name, value] : event.facts) size += sizeof(TraceEvent::Fact) + name.size() + value.size();
    for (const auto& key : event.keys) size += sizeof(std::string) + key.size();
    return size;
}

void make_fit(TraceEvent& event) {
    for (auto* text : {&event.protocol, &event.from, &event.to, &event.what}) *text = printable(*text, most_text);
    if (event.facts.size() > most_facts) event.facts.resize(most_facts);
    for (auto& [name, value] : event.facts) value = printable(value, most_text);
    if (event.keys.size() > most_keys) event.keys.resize(most_keys);
    for (auto& key : event.keys)
        if (key.size() > most_text) key.resize(most_text);
    if (event.body) event.body = printable(*event.body, most_trace_body, true);
}

}  // namespace

std::string message_key(std::string_view origin) {
    return "message " + std::string(origin);
}

std::string id_key(const xmpp::Jid& from, const xmpp::Jid& to, std::string_view id) {
    return "id " + from.bare().to_string() + ' ' + to.bare().to_string() + ' ' + std::string(id);
}

std::string watch_key(const xmpp::Jid& watcher, const xmpp::Jid& watched) {
    return "watch " + watcher.bare().to_string() + ' ' + watched.bare().to_string();
}

bool Tracer::Target::is(const xmpp::Jid& who) const {
    return jid.domain() == who.domain() && (jid.local().empty() || jid.local() == who.local());
}

bool Tracer::Trace::follows(const xmpp::Jid& one, const xmpp::Jid& other) const {
    if (!info.running) return false;
    if (with.jid.empty()) return who.is(one) || who.is(other);
    return (who.is(one) && with.is(other)) || (who.is(other) && with.is(one));
}

bool Tracer::wants(const xmpp::Jid& one, const xmpp::Jid& other) const noexcept {
    std::array<std::uint64_t, 4> hashes{};
    std::size_t count = 0;
    for (const auto* who : {&one, &other}) {
        if (who->empty()) continue;
        hashes[count++] = hash_of({}, who->domain());
        if (!who->local().empty()) hashes[count++] = hash_of(who->local(), who->domain());
    }
    for (const auto& slot : wanted_)
        if (const auto wanted = slot.load(std::memory_order_relaxed); wanted != 0)
            for (std::size_t i = 0; i < count; ++i)
                if (hashes[i] == wanted) return true;
    return false;
}

bool Tracer::wants_body(const xmpp::Jid& one, const xmpp::Jid& other) const {
    const std::lock_guard lock(mutex_);
    return std::any_of(traces_.begin(), traces_.end(),
                       [&](const Trace& trace) { return trace.info.bodies && trace.follows(one, other); });
}

void Tracer::record(const xmpp::Jid& one, const xmpp::Jid& other, TraceEvent event) {
    make_fit(event);
    const std::lock_guard lock(mutex_);
    for (auto& trace : traces_) {
        if (!trace.follows(one, other)) continue;
        if (event.at >= trace.info.until) {
            end(trace, event.at);
            continue;
        }
        auto kept = event;
        if (!trace.info.bodies) kept.body.reset();
        trace.bytes += size_of(kept);
        trace.events.push_back(std::move(kept));
        while (trace.events.size() > most_trace_events || trace.bytes > most_trace_bytes) {
            trace.bytes -= size_of(trace.events.front());
            trace.events.pop_front();
            ++trace.info.dropped;
        }
        trace.info.events = trace.events.size();
    }
}

Result<TraceInfo> Tracer::start(const xmpp::Jid& who, const xmpp::Jid& with, std::chrono::minutes length, bool bodies,
                                TimePoint now) {
    const std::lock_guard lock(mutex_);
    if (traces_.size() >= most_traces) {
        const auto ended =
            std::find_if(traces_.begin(), traces_.end(), [](const Trace& trace) { return !trace.info.running; });
        if (ended == traces_.end()) return Error{Errc::conflict, std::to_string(most_traces)};
        traces_.erase(ended);
    }
    const auto target = [](const xmpp::Jid& jid) {
        return Target{jid.bare(), jid.empty() ? 0 : hash_of(jid.local(), jid.domain())};
    };
    Trace trace;
    trace.who = target(who);
    trace.with = target(with);
    trace.info = {++last_id_,
                  trace.who.jid.to_string(),
                  with.empty() ? "" : trace.with.jid.to_string(),
                  bodies,
                  true,
                  now,
                  now + std::min(length, longest_trace)};
    traces_.push_back(std::move(trace));
    publish();
    return traces_.back().info;
}

Result<TraceInfo> Tracer::stop(std::uint32_t id, bool forget, TimePoint now) {
    const std::lock_guard lock(mutex_);
    const auto found =
        std::find_if(traces_.begin(), traces_.end(), [id](const Trace& trace) { return trace.info.id == id; });
    if (found == traces_.end()) return Error{Errc::not_found, std::to_string(id)};
    if (found->info.running) end(*found, now);
    const auto info = found->info;
    if (forget) traces_.erase(found);
    return info;
}

std::optional<TimePoint> Tracer::expire(TimePoint now) {
    const std::lock_guard lock(mutex_);
    std::optional<TimePoint> next;
    for (auto& trace : traces_) {
        if (trace.info.running && now >= trace.info.until) end(trace, trace.info.until);
        if (trace.info.running) next = next ? std::min(*next, trace.info.until) : trace.info.until;
    }
    std::erase_if(traces_, [now](const Trace& trace) {
        return !trace.info.running && now >= trace.info.until + ended_trace_kept;
    });
    return next;
}

void Tracer::end(Trace& trace, TimePoint now) {
    trace.info.running = false;
    trace.info.until = std::min(trace.info.until, now);
    publish();
}

// Under the lock. One that asks meanwhile misses an event at the edge of a trace, which has no sharper edge.
void Tracer::publish() {
    unsigned running = 0;
    for (const auto& trace : traces_)
        if (trace.info.running) wanted_[running++].store(trace.who.hash, std::memory_order_relaxed);
    for (auto i = running; i < most_traces; ++i) wanted_[i].store(0, std::memory_order_relaxed);
    running_.store(running, std::memory_order_relaxed);
}

std::vector<TraceInfo> Tracer::list() const {
    const std::lock_guard lock(mutex_);
    std::vector<TraceInfo> out;
    for (const auto& trace : traces_) out.push_back(trace.info);
    return out;
}

std::optional<TraceInfo> Tracer::find(std::string_view key) const {
    const std::lock_guard lock(mutex_);
    const auto number = parse_number<std::uint32_t>(key);
    for (auto trace = traces_.rbegin(); trace != traces_.rend(); ++trace)
        if (key.empty() || (number ? trace->info.id == *number : trace->info.who == key)) return trace->info;
    return std::nullopt;
}

std::vector<TraceEvent> Tracer::events(std::uint32_t id, bool bodies) const {
    std::vector<TraceEvent> out;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& trace : traces_)
            if (trace.info.id == id) out.assign(trace.events.begin(), trace.events.end());
    }
    if (!bodies)
        for (auto& event : out) event.body.reset();
    group_events(out);
    return out;
}

void group_events(std::vector<TraceEvent>& events) {
    std::vector<std::size_t> first(events.size());  // each leads to an earlier event of its group, or to itself
    std::iota(first.begin(), first.end(), std::size_t{0});
    const auto root = [&first](std::size_t at) {
        while (first[at] != at) at = first[at] = first[first[at]];
        return at;
    };
    std::unordered_map<std::string_view, std::size_t> seen;
    for (std::size_t i = 0; i < events.size(); ++i)
        for (const auto& key : events[i].keys) {
            const auto [found, fresh] = seen.try_emplace(key, i);
            if (fresh) continue;
            const auto a = root(found->second), b = root(i);
            first[std::max(a, b)] = std::min(a, b);
        }
    std::size_t groups = 0;
    for (std::size_t i = 0; i < events.size(); ++i) {
        const auto at = root(i);
        events[i].group = events[i].keys.empty() ? 0 : at == i ? ++groups : events[at].group;
    }
}

}  // namespace parley::im
