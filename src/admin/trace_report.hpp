#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/fwd.hpp>

#include "admin/messages/message.hpp"
#include "im/trace.hpp"

namespace parley::admin {

// What `parleyctl trace` answers with: the traces, or one of them with what it has recorded. Mermaid, the ladder on a
// terminal and the JSON are three faces of it.
struct TraceReport {
    std::vector<im::TraceInfo> traces;
    std::vector<im::TraceEvent> events;  // of traces.front(), grouped
    bool operator==(const TraceReport&) const = default;
};

// For the socket and, with a language, for people: then each event has its sentence as "text".
boost::json::object trace_json(const TraceReport& report, std::optional<Language> language = {});
std::optional<TraceReport> trace_report_from(const boost::json::object& object);

// One event in words, without time and people: "message chat  id=m1", "in the outbox, on disk: 17".
std::string words_of(const im::TraceEvent& event, Language language);

// For a terminal: a head, then an event a line (its body on lines below), the users' side on the left, the partners' on
// the right.
std::string ladder_of(const TraceReport& report, Language language);
// A sequenceDiagram of Mermaid, for tickets and pages that draw it.
std::string mermaid_of(const TraceReport& report, Language language);
// A line for each trace.
std::string list_of(const TraceReport& report, Language language);

}  // namespace parley::admin
