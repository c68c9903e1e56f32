#include <iomanip>
#include <iostream>

#include <boost/json.hpp>

#include "admin/config.hpp"
#include "admin/federation_rule.hpp"
#include "admin/version.hpp"
#include "apps/parleyctl/commands.hpp"

namespace parley::ctl {
namespace {

// The answer, or the failure printed and its code in `exit`.
std::optional<admin::Response> ask(const Context& context, admin::Act act, bool offline, int& exit) {
    auto linked = link_to_node(context.link, offline, context.output.language);
    if (const auto* failure = std::get_if<NodeLink::Failure>(&linked)) {
        exit = context.output.fail(failure->code, failure->message);
        return std::nullopt;
    }
    auto answer = std::get<std::unique_ptr<NodeLink>>(linked)->ask(std::move(act));
    if (const auto* failure = std::get_if<NodeLink::Failure>(&answer)) {
        exit = context.output.fail(failure->code, failure->message);
        return std::nullopt;
    }
    return std::get<admin::Response>(std::move(answer));
}

std::string describe(const im::DomainRule& rule) {
    std::string out =
        "via " + std::string(admin::to_string(rule.transport)) + "  tls " + std::string(admin::to_string(rule.tls));
    if (!rule.profile.empty()) out += "  profile " + rule.profile;
    if (!rule.next_hop.empty()) out += "  next hop " + rule.next_hop + (rule.next_hop_tls ? "" : " (TCP)");
    if (rule.dialback) out += "  dialback";
    if (rule.plain_dialback) out += "  plain dialback";
    if (!rule.trusted_certificate) out += "  untrusted certificate";
    if (!rule.external_in) out += "  no EXTERNAL in";
    if (!rule.external_out) out += "  no EXTERNAL out";
    if (!rule.ask_certificate) out += "  no certificate asked";
    if (!rule.direct_tls) out += "  no direct TLS";
    if (!rule.bidi) out += "  a stream each way";
    if (!rule.release.empty()) out += "  release " + rule.release;
    if (rule.trusted_by_partner) out += "  trusted by the partner";
    if (rule.has_legacy_tls()) out += "  OLD TLS until " + admin::legacy_last_day(rule);
    if (!rule.clearing_house.empty()) out += "  clearing house " + rule.clearing_house;
    if (!rule.mail_names) out += "  no e-mail names";
    if (!rule.inbound) out += "  outbound only";
    if (!rule.outbound) out += "  inbound only";
    if (rule.subdomains) out += "  with subdomains";
    for (const auto& name : rule.tls_names) out += "  tls name " + name;
    if (!rule.comment.empty()) out += "  # " + rule.comment;
    return out;
}

std::string duration(std::int64_t seconds) {
    std::string out;
    if (seconds >= 86400) out += std::to_string(seconds / 86400) + "d ";
    if (seconds >= 3600) out += std::to_string(seconds / 3600 % 24) + "h ";
    if (seconds >= 60) out += std::to_string(seconds / 60 % 60) + "m ";
    return out + std::to_string(seconds % 60) + "s";
}

}  // namespace

int run_act(const Context& context, admin::Act act, bool offline) {
    int exit = exit_ok;
    const auto answer = ask(context, std::move(act), offline, exit);
    return answer ? context.output.answer(*answer) : exit;
}

int run_federation_put(const Context& context, im::DomainRule rule) {
    return run_act(context, admin::PutRule{std::move(rule)}, true);
}
int run_federation_remove(const Context& context, const std::string& domain) {
    return run_act(context, admin::RemoveRule{domain}, true);
}
int run_federation_default(const Context& context, bool allowed) {
    return run_act(context, admin::SetFederationDefault{allowed}, true);
}

int run_federation_list(const Context& context) {
    int exit = exit_ok;
    const auto answer = ask(context, admin::ListFederation{}, true, exit);
    if (!answer) return exit;
    const auto* policy = std::get_if<im::FederationPolicy>(&answer->payload);
    if (context.output.json || policy == nullptr) return context.output.answer(*answer);
    std::size_t width = 0;
    for (const auto& [domain, rule] : policy->rules) width = std::max(width, domain.size());
    std::cout << "XMPP domains without a rule: " << (policy->xmpp_default_allowed ? "allow" : "deny") << "\n";
    for (const auto& [domain, rule] : policy->rules) {
        std::cout << (rule.allowed ? "allow  " : "deny   ") << std::left << std::setw(static_cast<int>(width))
                  << domain;
        if (rule.allowed)
            std::cout << "  " << describe(rule);
        else if (!rule.comment.empty())
            std::cout << "  # " << rule.comment;
        std::cout << "\n";
    }
    return exit_ok;
}

int run_status(const Context& context) {
    int exit = exit_ok;
    const auto answer = ask(context, admin::GetStatus{}, false, exit);
    if (!answer) return exit;
    const auto* status = std::get_if<admin::NodeStatus>(&answer->payload);
    if (context.output.json || context.output.quiet || status == nullptr) return context.output.answer(*answer);
    std::cout << "parleyd " << status->version << " \"" << status->node_name << "\", process " << status->pid << ", up "
              << duration(status->uptime_seconds) << "\n";
    std::cout << "domains   ";
    for (const auto& domain : status->domains) std::cout << ' ' << domain;
    std::cout << "\n";
    for (const auto& [name, address] : status->listeners)
        std::cout << std::left << std::setw(10) << name << ' ' << address << "\n";
    for (const auto& [name, count] : status->counters)
        std::cout << std::left << std::setw(10) << name << ' ' << count << "\n";
    print_report(status->notices, context.output.language, false);
    return exit_ok;
}

int run_reload(const Context& context) {
    int exit = exit_ok;
    const auto answer = ask(context, admin::Reload{}, false, exit);
    if (!answer) return exit;
    const auto* report = std::get_if<admin::ReloadReport>(&answer->payload);
    if (context.output.json && report != nullptr) {
        const bool ok = exit_code(answer->outcome) == exit_ok;
        std::cout << boost::json::serialize(
                         boost::json::object{{"ok", ok},
                                             {"id", answer->message},
                                             {"message", answer->text(context.output.language)},
                                             {"result", boost::json::parse(to_json(answer->payload))}})
                  << "\n";
        return exit_code(answer->outcome);
    }
    if (report == nullptr) return context.output.answer(*answer);
    std::cerr << render(report->problems, (context.link.directory / "parley.toml").string(), context.output.language);
    if (!report->failure.empty()) std::cerr << "parleyctl: " << report->failure << "\n";
    for (const auto& key : report->live) context.output.say({"reload.applied", {key}});
    for (const auto& key : report->restart) context.output.say({"reload.needs-restart", {key}});
    return context.output.answer(*answer);
}

int run_config_check(const Context& context) {
    const auto file = context.link.directory / "parley.toml";
    const auto loaded = admin::load_config(file, SystemClock().wall());
    const auto& output = context.output;
    if (output.json)
        std::cout << to_json(loaded.problems, file.string(), output.language) << "\n";
    else
        std::cerr << admin::render(loaded.problems, file.string(), output.language);
    std::size_t errors = 0;
    for (const auto& problem : loaded.problems) errors += problem.severity == admin::Severity::error ? 1 : 0;
    if (!output.json) {
        if (loaded.problems.empty())
            output.say({"problem.none", {file.string()}});
        else
            output.say({"problem.summary",
                        {file.string(), std::to_string(errors), std::to_string(loaded.problems.size() - errors)}});
    }
    return errors == 0 ? exit_ok : exit_problem;
}

}  // namespace parley::ctl
