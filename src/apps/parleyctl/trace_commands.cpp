#include <algorithm>
#include <iostream>

#include <boost/json.hpp>

#include "admin/trace_report.hpp"
#include "apps/parleyctl/commands.hpp"

namespace parley::ctl {
namespace {

void keep_group(admin::TraceReport& report, std::size_t group) {
    std::erase_if(report.events, [group](const im::TraceEvent& event) { return event.group != group; });
}

}  // namespace

int run_trace(const Context& context, admin::Trace trace, const TraceOptions& options) {
    const auto& output = context.output;
    const auto what = trace.what;
    auto linked = link_to_node(context.link, false, output.language);
    if (const auto* failure = std::get_if<NodeLink::Failure>(&linked))
        return output.fail(failure->code, failure->message);
    auto asked = std::get<std::unique_ptr<NodeLink>>(linked)->ask(std::move(trace));
    if (const auto* failure = std::get_if<NodeLink::Failure>(&asked))
        return output.fail(failure->code, failure->message);
    auto& answer = std::get<admin::Response>(asked);
    auto* report = std::get_if<admin::TraceReport>(&answer.payload);
    if (report == nullptr || exit_code(answer.outcome) != exit_ok) return output.answer(answer);
    using Do = admin::Trace::Do;
    if (what == Do::show && options.group > 0) {
        keep_group(*report, static_cast<std::size_t>(options.group));
        if (report->events.empty())
            return output.fail(exit_problem, {"trace.no-group", {std::to_string(options.group)}});
    }
    if (output.json) {
        std::cout << boost::json::serialize(boost::json::object{{"ok", true},
                                                                {"id", answer.message},
                                                                {"message", answer.text(output.language)},
                                                                {"result", trace_json(*report, output.language)}})
                  << "\n";
        return exit_ok;
    }
    if (output.quiet) return exit_ok;
    switch (what) {
        case Do::show:
            std::cout << (options.mermaid ? mermaid_of(*report, output.language) : ladder_of(*report, output.language));
            break;
        case Do::list: std::cout << list_of(*report, output.language); [[fallthrough]];
        case Do::start:
        case Do::stop: output.line(answer.text(output.language)); break;
    }
    return exit_ok;
}

}  // namespace parley::ctl
