#include <algorithm>

#include <boost/json.hpp>

#include "admin/audit_log.hpp"
#include "admin/trace_report.hpp"

namespace parley::admin {
namespace {

namespace json = boost::json;
using Way = im::TraceEvent::Way;

constexpr std::string_view ways[] = {"from-user", "to-user", "from-partner", "to-partner", "inside"};

std::int64_t millis(TimePoint time) {
    return time.time_since_epoch().count();
}

json::object info_json(const im::TraceInfo& info) {
    return {{"id", info.id},
            {"who", info.who},
            {"with", info.with},
            {"bodies", info.bodies},
            {"running", info.running},
            {"begun", format_time(info.begun)},
            {"begun_ms", millis(info.begun)},
            {"until", format_time(info.until)},
            {"until_ms", millis(info.until)},
            {"events", info.events},
            {"dropped", info.dropped}};
}

// The keys by which events were joined stay here: the groups say the same.
json::object event_json(const im::TraceEvent& event, std::optional<Language> language) {
    json::object facts;
    for (const auto& [name, value] : event.facts) facts[name] = value;
    json::object out{{"at", format_time(event.at)},
                     {"at_ms", millis(event.at)},
                     {"group", event.group},
                     {"way", ways[static_cast<std::size_t>(event.way)]},
                     {"protocol", event.protocol},
                     {"from", event.from},
                     {"to", event.to},
                     {"what", event.what},
                     {"facts", std::move(facts)},
                     {"body_bytes", event.body_bytes}};
    if (event.body) out["body"] = *event.body;
    if (language) out["text"] = words_of(event, *language);
    return out;
}

class Reader {
public:
    explicit Reader(const json::object& object) : object_(object) {}
    std::string text(std::string_view name) {
        const auto* value = object_.if_contains(name);
        if (value != nullptr && value->is_string()) return std::string(value->get_string());
        return missing<std::string>();
    }
    bool flag(std::string_view name) {
        const auto* value = object_.if_contains(name);
        return value != nullptr && value->is_bool() ? value->get_bool() : missing<bool>();
    }
    std::int64_t number(std::string_view name) {
        const auto* value = object_.if_contains(name);
        return value != nullptr && value->is_int64() ? value->get_int64() : missing<std::int64_t>();
    }
    TimePoint time(std::string_view name) { return TimePoint(Millis(number(name))); }
    bool good() const { return good_; }

private:
    template <class T>
    T missing() {
        good_ = false;
        return T{};
    }
    const json::object& object_;
    bool good_ = true;
};

std::optional<im::TraceInfo> info_from(const json::object& object) {
    Reader in(object);
    im::TraceInfo info;
    info.id = static_cast<std::uint32_t>(in.number("id"));
    info.who = in.text("who");
    info.with = in.text("with");
    info.bodies = in.flag("bodies");
    info.running = in.flag("running");
    info.begun = in.time("begun_ms");
    info.until = in.time("until_ms");
    info.events = static_cast<std::size_t>(in.number("events"));
    info.dropped = static_cast<std::uint64_t>(in.number("dropped"));
    return in.good() ? std::optional(std::move(info)) : std::nullopt;
}

std::optional<im::TraceEvent> event_from(const json::object& object) {
    Reader in(object);
    im::TraceEvent event;
    event.at = in.time("at_ms");
    event.group = static_cast<std::size_t>(in.number("group"));
    const auto way = in.text("way");
    const auto* const found = std::find(std::begin(ways), std::end(ways), way);
    const auto* facts = object.if_contains("facts");
    if (found == std::end(ways) || facts == nullptr || !facts->is_object()) return std::nullopt;
    event.way = static_cast<Way>(found - std::begin(ways));
    for (const auto& [name, value] : facts->get_object()) {
        if (!value.is_string()) return std::nullopt;
        event.facts.emplace_back(std::string(name), std::string(value.get_string()));
    }
    event.protocol = in.text("protocol");
    event.from = in.text("from");
    event.to = in.text("to");
    event.what = in.text("what");
    event.body_bytes = static_cast<std::size_t>(in.number("body_bytes"));
    if (object.contains("body")) event.body = in.text("body");
    return in.good() ? std::optional(std::move(event)) : std::nullopt;
}

// False: something in the array is no such thing.
template <class T>
bool read_all(const json::object& object, std::string_view name, std::vector<T>& out,
              std::optional<T> (*read)(const json::object&)) {
    const auto* values = object.if_contains(name);
    if (values == nullptr || !values->is_array()) return false;
    for (const auto& value : values->get_array()) {
        auto item = value.is_object() ? read(value.get_object()) : std::nullopt;
        if (!item) return false;
        out.push_back(*std::move(item));
    }
    return true;
}

}  // namespace

json::object trace_json(const TraceReport& report, std::optional<Language> language) {
    json::array traces, events;
    for (const auto& info : report.traces) traces.emplace_back(info_json(info));
    for (const auto& event : report.events) events.emplace_back(event_json(event, language));
    return {{"traces", std::move(traces)}, {"events", std::move(events)}};
}

std::optional<TraceReport> trace_report_from(const json::object& object) {
    TraceReport report;
    const bool good =
        read_all(object, "traces", report.traces, info_from) && read_all(object, "events", report.events, event_from);
    return good ? std::optional(std::move(report)) : std::nullopt;
}

}  // namespace parley::admin
