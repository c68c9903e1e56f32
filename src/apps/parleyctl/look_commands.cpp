#include <algorithm>
#include <iomanip>
#include <iostream>

#include <boost/json.hpp>

#include "admin/report_json.hpp"
#include "apps/parleyctl/commands.hpp"
#include "apps/parleyctl/target_matrix.hpp"
#include "base/text.hpp"

namespace parley::ctl {
namespace {

using admin::Finding;

const char* mark(Finding::Verdict verdict) {
    switch (verdict) {
        case Finding::Verdict::good: return "ok  ";
        case Finding::Verdict::note: return "note";
        case Finding::Verdict::warning: return "warn";
        case Finding::Verdict::problem: break;
    }
    return "FAIL";
}

// "2026-11-29 09:08:19 UTC" of an RFC 3339 time.
std::string shown_time(const std::string& stamp) {
    if (stamp.size() < 19) return stamp;
    return stamp.substr(0, 10) + ' ' + stamp.substr(11, 8) + " UTC";
}

}  // namespace

void print_report(const admin::Report& report, admin::Language language, bool with_times) {
    std::size_t steps = 0, subjects = 0;
    for (const auto& finding : report.findings) {
        steps = std::max(steps, columns(finding.step));
        subjects = std::max(subjects, std::min<std::size_t>(72, columns(finding.subject)));
    }
    const Finding* before = nullptr;
    for (const auto& finding : report.findings) {
        const bool same = before != nullptr && before->step == finding.step && before->subject == finding.subject;
        std::cout << mark(finding.verdict) << "  " << padded(same ? "" : finding.step, steps) << "  "
                  << padded(same ? "" : finding.subject, subjects) << "  ";
        if (with_times) {
            if (finding.millis >= 0)
                std::cout << std::right << std::setw(5) << finding.millis << " ms  ";
            else
                std::cout << std::string(10, ' ');
        }
        if (finding.seen) std::cout << shown_time(finding.seen->last) << "  ";
        std::cout << finding.what.in(language);
        if (finding.seen && finding.seen->times > 1) {
            const admin::Message times{"history.times",
                                       {std::to_string(finding.seen->times), shown_time(finding.seen->first)}};
            std::cout << " (" << times.in(language) << ")";
        }
        // The rule id: what the manual explains, and what scripts look for.
        if (finding.verdict >= Finding::Verdict::warning)
            std::cout << "  [" << finding.rule.value_or(finding.what.id).name() << "]";
        std::cout << "\n";
        if (finding.fix && finding.verdict != Finding::Verdict::good)
            std::cout << "      -> " << finding.fix->in(language) << "\n";
        before = &finding;
    }
}

int run_look(const Context& context, admin::Look look) {
    const auto& output = context.output;
    const auto at = look.at;
    auto linked = link_to_node(context.link, false, output.language);
    if (const auto* failure = std::get_if<NodeLink::Failure>(&linked))
        return output.fail(failure->code, failure->message);
    auto asked = std::get<std::unique_ptr<NodeLink>>(linked)->ask(std::move(look));
    if (const auto* failure = std::get_if<NodeLink::Failure>(&asked))
        return output.fail(failure->code, failure->message);
    const auto& answer = std::get<admin::Response>(asked);
    const auto* report = std::get_if<admin::Report>(&answer.payload);
    if (report == nullptr || exit_code(answer.outcome) != exit_ok) return output.answer(answer);
    // `show` and `sessions` only tell; a test and a plan have a verdict, and a reference is known or not.
    using At = admin::Look::At;
    const bool verdict = at == At::test || at == At::dns_plan || at == At::explain || at == At::refusals;
    const int code = verdict && !report->good ? exit_problem : exit_ok;
    if (output.json) {
        std::cout << boost::json::serialize(
                         boost::json::object{{"ok", code == exit_ok},
                                             {"id", answer.message},
                                             {"message", answer.text(output.language)},
                                             {"result", report_for_people(*report, output.language)}})
                  << "\n";
        return code;
    }
    if (output.quiet) return code;
    print_report(*report, output.language, at == At::test);
    if (at == At::test) print_matrix(std::cout, *report);
    if (at == At::test || at == At::sessions || at == At::explain || at == At::history || at == At::refusals)
        output.line(answer.text(output.language));
    return code;
}

}  // namespace parley::ctl
