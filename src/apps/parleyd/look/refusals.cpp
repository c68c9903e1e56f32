#include "apps/parleyd/look/refusals.hpp"

#include "admin/audit_log.hpp"

namespace parley::look {
namespace {

constexpr std::size_t most_shown = 100;

void add(admin::Report& report, const im::Refusal& refusal) {
    auto subject = refusal.protocol + ' ' + (refusal.partner.empty() ? "?" : refusal.partner);
    if (!refusal.address.empty()) subject += ' ' + refusal.address;
    if (!refusal.local.empty()) subject += " -> " + refusal.local;
    const auto what = refusal.condition + (refusal.why.empty() ? "" : ", " + refusal.why);
    report.add(refusal.reference, std::move(subject), admin::Finding::Verdict::note, {"refusal.entry", {what}},
               refusal.remedy.empty() ? std::nullopt : std::optional(admin::Message{"refusal.fix", {refusal.remedy}}));
    report.findings.back().seen = {admin::format_time(refusal.last), admin::format_time(refusal.first), refusal.times};
}

}  // namespace

admin::Report refusals_of(const im::Refusals& refusals, const std::string& which) {
    admin::Report report;
    if (const auto one = refusals.find(which)) {
        add(report, *one);
        return report;
    }
    for (const auto& refusal : refusals.newest(which, most_shown)) add(report, refusal);
    // No domain that others reach is one word of eight letters.
    report.good = !report.findings.empty() || which.empty() || which.find('.') != std::string::npos;
    return report;
}

}  // namespace parley::look
