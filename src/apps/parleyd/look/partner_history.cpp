#include "apps/parleyd/look/partner_history.hpp"

#include "admin/audit_log.hpp"
#include "apps/parleyd/look/parts.hpp"

namespace parley::look {
namespace {

using admin::Message;
using admin::MessageId;
using im::PartnerEvent;
using What = PartnerEvent::What;

MessageId trust_rule(const std::string& detail) {
    net::PeerCertificate seen;
    seen.trust_error = detail;
    seen.chain = 2;  // what it came with is not kept
    return trust_fault(seen, {}).first.id;
}

// The rule id by which `federation test` would name the same fault (docs/partners/faults.md).
MessageId rule_of(const PartnerEvent& event) {
    using Fault = PartnerEvent::Fault;
    switch (event.fault) {
        case Fault::dns: return "test.dns-no-server";
        case Fault::refused: return "test.tcp-refused";
        case Fault::silent: return "test.tcp-silent";
        case Fault::connection:
        case Fault::none: break;
        case Fault::tls: return tls_fault(event.detail, event.local).first.id;
        case Fault::no_tls: return "test.tls-not-offered";
        case Fault::certificate:
            if (event.detail.find("trusted") != std::string::npos) return trust_rule(event.detail);
            return event.detail.find("no certificate") != std::string::npos ? MessageId("test.identity-none")
                                                                            : MessageId("test.identity-name");
        case Fault::no_proof: return "test.no-proof";
        case Fault::dialback: return "test.dialback-refused";
        case Fault::stream: return "test.stream-refused";
    }
    return "test.tcp-failed";
}

Message words_of(const PartnerEvent& event) {
    const auto& detail = event.detail;
    switch (event.what) {
        case What::connected:
            if (detail.empty())
                return {event.by_us ? MessageId("history.connected-sip") : MessageId("history.connected-in-sip"), {}};
            return {event.by_us ? MessageId("history.connected") : MessageId("history.connected-in"), {detail}};
        case What::lost: return {"history.lost", {detail.empty() ? "-" : detail}};
        case What::failed: return {"history.failed", {detail}};
        case What::refused: return {"history.refused", {detail}};
        case What::rule:
            return detail.empty() ? Message{"history.rule-removed", {}} : Message{"history.rule", {detail}};
        case What::retried: break;
    }
    return {"history.retried", {}};
}

const char* step_of(What what) {
    switch (what) {
        case What::connected:
        case What::lost: return "link";
        case What::failed: return "attempt";
        case What::refused: return "refusal";
        case What::rule: return "rule";
        case What::retried: break;
    }
    return "retry";
}

}  // namespace

admin::Report history_of(const std::string& domain, const std::vector<PartnerEvent>& events) {
    admin::Report report;
    for (const auto& event : events) {
        auto subject = event.local.empty() ? domain : event.local + (event.by_us ? " -> " : " <- ") + domain;
        if (!event.place.empty()) subject += ' ' + event.place;
        const bool trouble = event.what == What::failed || event.what == What::refused;
        const bool last = &event == &events.back();
        const auto verdict = trouble ? Verdict::problem : event.what == What::connected ? Verdict::good : Verdict::note;
        report.add(step_of(event.what), std::move(subject), verdict, words_of(event),
                   event.what == What::failed && last ? std::optional(Message{"fix.test", {domain}}) : std::nullopt);
        auto& finding = report.findings.back();
        finding.seen = {admin::format_time(event.last), admin::format_time(event.first), event.times};
        if (event.fault != PartnerEvent::Fault::none) finding.rule = rule_of(event);
        if (last) report.good = !trouble;
    }
    return report;
}

}  // namespace parley::look
