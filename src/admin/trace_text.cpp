#include <algorithm>
#include <map>

#include "admin/audit_log.hpp"
#include "admin/trace_report.hpp"
#include "base/text.hpp"

namespace parley::admin {
namespace {

using im::TraceEvent;
using Way = TraceEvent::Way;

constexpr std::size_t widest = 48;  // columns of an address; a longer one shifts its line

std::string day_and_second(TimePoint time) {  // "2026-11-29 18:46:10"
    auto text = format_time(time).substr(0, 19);
    if (text.size() > 10) text[10] = ' ';
    return text;
}
std::string time_of_day(TimePoint time) {  // "18:46:10.123"
    return format_time(time).substr(11, 12);
}

// The one who is not us: on the left of the ladder a client, on its right a partner's user.
const std::string& peer_of(const TraceEvent& event) {
    return event.way == Way::from_user || event.way == Way::from_partner ? event.from : event.to;
}
const std::string& other_of(const TraceEvent& event) {
    return event.way == Way::from_user || event.way == Way::from_partner ? event.to : event.from;
}
bool on_the_left(const TraceEvent& event) {
    return event.way == Way::from_user || event.way == Way::to_user;
}

std::string quoted(const std::string& value) {
    return value.find(' ') == std::string::npos ? value : '"' + value + '"';
}

std::string who_text(const im::TraceInfo& info, Language language) {
    return info.with.empty() ? info.who : Message{"trace.between", {info.who, info.with}}.in(language);
}

std::string head_of(const im::TraceInfo& info, Language language) {
    const Message state{info.running ? MessageId("trace.running") : MessageId("trace.ended"), {}};
    std::string out = Message{"trace.head",
                              {std::to_string(info.id), who_text(info, language), day_and_second(info.begun),
                               day_and_second(info.until), state.in(language), std::to_string(info.events)}}
                          .in(language);
    if (info.bodies) out += "; " + Message{"trace.has-bodies", {}}.in(language);
    return out + "\n";
}

}  // namespace

std::string words_of(const TraceEvent& event, Language language) {
    if (event.way == Way::inside) {
        std::vector<std::string> args;
        for (const auto& [name, value] : event.facts) args.push_back(value);
        auto text = format(language, "trace." + event.what, args);
        return event.protocol.empty() ? text : event.protocol + ": " + text;
    }
    auto out = event.protocol + ' ' + event.what;
    if (const auto& other = other_of(event); !other.empty())
        out.append(event.way == Way::from_user || event.way == Way::from_partner ? "  to=" : "  from=").append(other);
    for (const auto& [name, value] : event.facts) out.append("  ").append(name).append("=").append(quoted(value));
    if (event.body_bytes > 0 && !event.body) {
        const Message hidden{"trace.hidden-body", {std::to_string(event.body_bytes)}};
        out.append("  ").append(hidden.in(language));
    }
    return out;
}

std::string ladder_of(const TraceReport& report, Language language) {
    std::string out;
    if (report.traces.empty()) return out;
    out += head_of(report.traces.front(), language);
    if (const auto dropped = report.traces.front().dropped; dropped > 0)
        out += Message{"trace.dropped", {std::to_string(dropped)}}.in(language) + "\n";
    if (report.events.empty()) return out + Message{"trace.nothing", {}}.in(language) + "\n";
    std::size_t left = 0, right = 0, groups = 0;
    for (const auto& event : report.events) {
        groups = std::max(groups, event.group);
        if (event.way != Way::inside)
            (on_the_left(event) ? left : right) =
                std::max(on_the_left(event) ? left : right, std::min(widest, columns(peer_of(event))));
    }
    const auto number = std::to_string(groups).size() + 1;
    for (const auto& event : report.events) {
        const auto group = event.group == 0 ? std::string() : '#' + std::to_string(event.group);
        out += time_of_day(event.at) + "  " + padded(group, number) + "  ";
        switch (event.way) {
            case Way::from_user: out += padded(peer_of(event), left) + " --> o     " + std::string(right, ' '); break;
            case Way::to_user: out += padded(peer_of(event), left) + " <-- o     " + std::string(right, ' '); break;
            case Way::to_partner: out += std::string(left, ' ') + "     o --> " + padded(peer_of(event), right); break;
            case Way::from_partner:
                out += std::string(left, ' ') + "     o <-- " + padded(peer_of(event), right);
                break;
            case Way::inside: out += std::string(left, ' ') + "     |    "; break;
        }
        out += ' ' + words_of(event, language) + "\n";
        if (!event.body) continue;
        for (const auto line : split(trim(*event.body, "\n"), '\n'))
            out.append(12 + 2 + number + 2 + left, ' ').append("     |      > ").append(line).append("\n");
    }
    return out;
}

std::string mermaid_of(const TraceReport& report, Language language) {
    // "#" and ";" are Mermaid's own; an entity of it stands for each.
    const auto escaped = [](std::string_view text) {
        std::string out;
        for (const char c : text) {
            if (c == '#')
                out += "#35;";
            else if (c == ';')
                out += "#59;";
            else
                out += c == '\n' || c == '\t' ? ' ' : c;
        }
        return out;
    };
    std::string steps;
    std::map<std::string, std::string, std::less<>> names;  // of left and right: an address may be on both
    const auto name_of = [&](const TraceEvent& event) {
        const auto& peer = peer_of(event);
        auto [found, fresh] = names.try_emplace((on_the_left(event) ? "u" : "p") + peer, "");
        if (fresh) found->second = (on_the_left(event) ? "U" : "P") + std::to_string(names.size());
        return found->second;
    };
    std::map<bool, std::string> declared;
    for (const auto& event : report.events) {
        const auto group = event.group == 0 ? std::string() : '[' + std::to_string(event.group) + "] ";
        auto text = escaped(group + words_of(event, language));
        if (event.body) text += ": " + escaped(*event.body);
        if (event.way == Way::inside) {
            steps += "    Note over parley: " + text + "\n";
            continue;
        }
        const auto before = names.size();
        const auto name = name_of(event);
        if (names.size() > before)
            declared[on_the_left(event)] += "    participant " + name + " as " + escaped(peer_of(event)) + "\n";
        const bool comes = event.way == Way::from_user || event.way == Way::from_partner;
        steps.append("    ").append(comes ? name + "->>parley" : "parley->>" + name);
        steps.append(": ").append(text).append("\n");
    }
    return "sequenceDiagram\n" + declared[true] + "    participant parley\n" + declared[false] + steps;
}

std::string list_of(const TraceReport& report, Language language) {
    std::string out;
    for (const auto& info : report.traces) out += head_of(info, language);
    return out;
}

}  // namespace parley::admin
