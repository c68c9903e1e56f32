#include "admin/report_json.hpp"

#include <boost/json.hpp>

namespace parley::admin {
namespace {

namespace json = boost::json;
using Verdict = Finding::Verdict;

std::string_view word(Verdict verdict) {
    switch (verdict) {
        case Verdict::good: return "good";
        case Verdict::note: return "note";
        case Verdict::warning: return "warning";
        case Verdict::problem: break;
    }
    return "problem";
}

json::array array_of(const std::vector<std::string>& items) {
    json::array out;
    for (const auto& item : items) out.emplace_back(item);
    return out;
}

json::object message_json(const Message& message) {
    return {{"id", message.id.name()}, {"args", array_of(message.args)}};
}

std::optional<std::string> text(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return std::string(value->get_string());
}

std::optional<Message> message_from(const json::value* value) {
    if (value == nullptr || !value->is_object()) return std::nullopt;
    const auto name = text(value->get_object(), "id");
    const auto id = name ? MessageId::find(*name) : std::nullopt;
    const auto* args = value->get_object().if_contains("args");
    if (!id || args == nullptr || !args->is_array()) return std::nullopt;
    Message message{*id, {}};
    for (const auto& arg : args->get_array()) {
        if (!arg.is_string()) return std::nullopt;
        message.args.emplace_back(arg.get_string());
    }
    return message;
}

void add_past(json::object& object, const Finding& finding) {
    if (finding.rule) object["rule"] = finding.rule->name();
    if (finding.seen)
        object["seen"] =
            json::object{{"last", finding.seen->last}, {"first", finding.seen->first}, {"times", finding.seen->times}};
}

std::optional<Finding> finding_from(const json::object& object) {
    auto what = message_from(object.if_contains("what"));
    const auto step = text(object, "step"), subject = text(object, "subject"), verdict = text(object, "verdict");
    const auto* millis = object.if_contains("millis");
    if (!what || !step || !subject || !verdict || millis == nullptr || !millis->is_int64()) return std::nullopt;
    Finding finding{*step, *subject, Verdict::problem, *std::move(what), {}, millis->get_int64()};
    if (*verdict == "good") finding.verdict = Verdict::good;
    if (*verdict == "note") finding.verdict = Verdict::note;
    if (*verdict == "warning") finding.verdict = Verdict::warning;
    finding.fix = message_from(object.if_contains("fix"));
    if (const auto rule = text(object, "rule")) finding.rule = MessageId::find(*rule);
    if (const auto* seen = object.if_contains("seen"); seen != nullptr && seen->is_object()) {
        const auto& fields = seen->get_object();
        const auto last = text(fields, "last"), first = text(fields, "first");
        const auto* times = fields.if_contains("times");
        if (!last || !first || times == nullptr || !times->is_int64()) return std::nullopt;
        finding.seen = {*last, *first, times->get_int64()};
    }
    return finding;
}

}  // namespace

json::object report_json(const Report& report) {
    json::array findings;
    for (const auto& finding : report.findings) {
        json::object object{{"step", finding.step},
                            {"subject", finding.subject},
                            {"verdict", word(finding.verdict)},
                            {"what", message_json(finding.what)},
                            {"millis", finding.millis}};
        if (finding.fix) object["fix"] = message_json(*finding.fix);
        add_past(object, finding);
        findings.emplace_back(std::move(object));
    }
    return {{"good", report.good}, {"findings", std::move(findings)}};
}

std::optional<Report> report_from(const json::object& object) {
    const auto *good = object.if_contains("good"), *findings = object.if_contains("findings");
    if (good == nullptr || !good->is_bool() || findings == nullptr || !findings->is_array()) return std::nullopt;
    Report report;
    report.good = good->get_bool();
    for (const auto& item : findings->get_array()) {
        auto finding = item.is_object() ? finding_from(item.get_object()) : std::nullopt;
        if (!finding) return std::nullopt;
        report.findings.push_back(*std::move(finding));
    }
    return report;
}

json::object report_for_people(const Report& report, Language language) {
    json::array findings;
    for (const auto& finding : report.findings) {
        json::object object{{"step", finding.step},
                            {"subject", finding.subject},
                            {"verdict", word(finding.verdict)},
                            {"id", finding.what.id.name()},
                            {"args", array_of(finding.what.args)},
                            {"text", finding.what.in(language)},
                            {"fix", finding.fix ? json::value(finding.fix->in(language)) : json::value(nullptr)}};
        if (finding.millis >= 0) object["millis"] = finding.millis;
        add_past(object, finding);
        findings.emplace_back(std::move(object));
    }
    return {{"good", report.good}, {"findings", std::move(findings)}};
}

}  // namespace parley::admin
