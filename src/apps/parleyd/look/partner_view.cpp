#include "apps/parleyd/look/partner_view.hpp"

#include <algorithm>
#include <tuple>

#include "admin/federation_rule.hpp"
#include "gateway/profile.hpp"

namespace parley::look {
namespace {

using admin::Message;

void add_rule(const Parts& parts, const std::string& domain, admin::Report& report) {
    const auto& written = parts.configured->policy;
    const auto* rule = written.rule(domain);
    if (!rule) {
        report.good = written.xmpp_default_allowed;
        report.add("rule", domain, report.good ? Verdict::good : Verdict::note,
                   {"show.no-rule", {written.xmpp_default_allowed ? "allow" : "deny"}});
        return;
    }
    report.good = rule->allowed;
    report.add("rule", domain, rule->allowed ? Verdict::good : Verdict::note, {"show.rule", {admin::describe(*rule)}});
    if (!rule->allowed) return;
    if (rule->transport == im::Transport::automatic) {
        const auto decision = parts.transports.decision(domain);
        if (!decision) {
            report.add("way", domain, Verdict::note, {"show.undecided", {}});
        } else if (!*decision) {
            const auto& error = decision->error();
            report.add("way", domain, Verdict::problem,
                       error.code == Errc::not_found   ? Message{"test.way-none", {}}
                       : error.code == Errc::forbidden ? Message{"test.way-plain-only", {}}
                                                       : Message{"test.dns-silent", {error.detail}});
        } else {
            const auto& way = **decision;
            const bool sip = way.transport == im::Transport::sip;
            report.add("way", domain, Verdict::good,
                       {"test.way-dns", {sip ? "SIP" : "XMPP", std::string(srv_prefix(way.by)) + domain}});
            if (way.both) report.add("way", domain, Verdict::note, {"test.way-both", {sip ? "XMPP" : "SIP"}});
        }
    }
    const auto in_force = parts.settings()->policy.settings(domain);
    if (in_force.transport == im::Transport::sip) {
        const auto& profile = gateway::profile_or_simple(in_force.profile);
        report.add("profile", std::string(profile.name), Verdict::good, {"show.profile", {std::string(profile.title)}});
        report.add("profile", std::string(profile.name), Verdict::good,
                   {"show.pace", {std::to_string(gateway::pace_for(in_force).per_second)}});
    }
}

void add_old_tls(const Parts& parts, const im::DomainRule& rule, admin::Report& report) {
    if (!rule.allowed || !rule.has_legacy_tls()) return;
    const auto day = admin::legacy_last_day(rule);
    const bool open = rule.legacy_tls(parts.executor.clock().wall());
    report.add("legacy-tls", rule.domain, Verdict::problem,
               open ? Message{"notice.legacy-tls", {rule.domain, day}}
                    : Message{"notice.legacy-tls-over", {rule.domain, day}});
}

void add_rsa(const Parts& parts, admin::Report& report) {
    for (const auto& [domain, context] : parts.sip()->legacy_domains)
        if (context && !context->has_rsa_key())
            report.add("legacy-tls", domain, Verdict::problem, {"notice.legacy-no-rsa", {domain}},
                       Message{"fix.rsa", {}});
}

void add_watch(const im::PartnerOverview::Watch& watch, admin::Report& report) {
    using State = im::PartnerOverview::Watch::State;
    const auto subject =
        watch.ours.to_string() + (watch.by_us ? " -> " : " <- ") + watch.theirs.to_string();  // who watches whom
    switch (watch.state) {
        case State::active: return report.add("subscription", subject, Verdict::good, {"show.watch-active", {}});
        case State::asked: return report.add("subscription", subject, Verdict::note, {"show.watch-asked", {}});
        case State::queued: return report.add("subscription", subject, Verdict::note, {"show.watch-queued", {}});
        case State::waiting: break;
    }
    report.add("subscription", subject, Verdict::note, {"show.watch-waiting", {}});
}

}  // namespace

admin::Report view_of(const Parts& parts, const std::string& domain, const im::PartnerOverview& overview) {
    admin::Report report;
    add_rule(parts, domain, report);
    if (const auto* rule = parts.configured->policy.rule(domain); rule && rule->allowed) {
        add_old_tls(parts, *rule, report);
        if (rule->has_legacy_tls()) add_rsa(parts, report);
    }
    for (const auto& link : overview.connections) {
        const auto way = link.both_ways ? " <-> " : link.by_us ? " -> " : " <- ";
        const auto subject = (link.local.empty() ? std::string("*") : link.local) + way + link.place;
        report.add("link", subject, Verdict::good,
                   {"show.link", {time_text(link.since), link.tls.empty() ? "TCP" : link.tls}});
        if (!link.certificate.empty())
            report.add("link", subject, Verdict::good, {"show.certificate", {link.certificate, link.sha256}});
        if (auto proof = describe_proof(link.proof))
            report.add("link", subject, link.proof == "none" ? Verdict::note : Verdict::good, *std::move(proof));
    }
    for (const auto& failure : overview.failures) {
        const Message what = failure.local.empty() ? Message{"show.refused", {failure.why, time_text(failure.at)}}
                                                   : Message{"show.link-failed", {time_text(failure.at), failure.why}};
        report.add("link", failure.local.empty() ? domain : failure.local + " -> " + domain, Verdict::problem, what);
    }
    if (overview.connections.empty() && overview.failures.empty())
        report.add("link", domain, Verdict::note, {"show.link-waits", {}});
    const auto count = [](std::size_t number) { return std::to_string(number); };
    report.add("queue", domain, overview.queued > 0 ? Verdict::note : Verdict::good,
               {"show.queue", {count(overview.queued)}});
    if (parts.settings()->policy.settings(domain).transport != im::Transport::sip) return report;
    report.add("subscriptions", domain, Verdict::good,
               {"show.subscriptions", {count(overview.watched), count(overview.confirmed), count(overview.watchers)}});
    auto watches = overview.watches;
    std::sort(watches.begin(), watches.end(), [](const auto& a, const auto& b) {
        return std::tie(b.by_us, a.ours, a.theirs) < std::tie(a.by_us, b.ours, b.theirs);
    });
    for (const auto& watch : watches) add_watch(watch, report);
    if (const auto all = overview.watched + overview.watchers; all > watches.size())
        report.add("subscription", domain, Verdict::note, {"show.more", {count(all - watches.size())}});
    report.add("sessions", domain, Verdict::good, {"show.sessions", {count(overview.sessions)}});
    return report;
}

admin::Report sessions_of(const im::PartnerOverview& overview) {
    admin::Report report;
    auto talks = overview.talks;
    std::sort(talks.begin(), talks.end(), [](const auto& a, const auto& b) {
        return std::pair(a.second.domain(), a.second) < std::pair(b.second.domain(), b.second);
    });
    for (const auto& [ours, theirs] : talks)
        report.add("session", theirs.domain(), Verdict::good, {"show.session", {ours.to_string(), theirs.to_string()}});
    if (overview.sessions > talks.size())
        report.add("session", "", Verdict::note, {"show.more", {std::to_string(overview.sessions - talks.size())}});
    return report;
}

admin::Report notices_of(const Parts& parts) {
    admin::Report report;
    for (const auto& [domain, rule] : parts.configured->policy.rules) add_old_tls(parts, rule, report);
    if (!report.findings.empty()) add_rsa(parts, report);
    report.good = report.findings.empty();
    return report;
}

}  // namespace parley::look
