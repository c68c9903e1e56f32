#include "apps/parleyd/look/partner_sheet.hpp"

#include <algorithm>

#include "apps/parleyd/look/dns_plan.hpp"
#include "base/text.hpp"
#include "net/identity.hpp"

namespace parley::look {
namespace {

using admin::Message;
using admin::MessageId;
using admin::Role;

// A SHA-256 as openssl prints it, so that both can be compared by eye.
std::string with_colons(const std::string& hex) {
    std::string out;
    for (std::size_t i = 0; i < hex.size(); ++i) {
        if (i > 0 && i % 2 == 0) out += ':';
        out += hex[i] >= 'a' && hex[i] <= 'f' ? static_cast<char>(hex[i] - 'a' + 'A') : hex[i];
    }
    return out;
}

class Sheet {
public:
    explicit Sheet(const Parts& parts) : parts_(parts) {}

    void domain(const std::string& name, const admin::Report& plan) {
        const auto& config = *parts_.config;
        say("domain", name, {"sheet.domain", {name}});
        if (const auto* own = config.domain(name); own && !own->rooms.empty() && config.has(Role::s2s))
            say("domain", own->rooms, {"sheet.rooms", {name}});
        for (const auto& finding : plan.findings) {
            const bool for_clients =
                finding.subject.starts_with("_xmpp-client.") || finding.subject.starts_with("_xmpps-client.");
            const bool is_record = finding.step == "address" || finding.subject.starts_with("_");
            if (!is_record || for_clients) continue;
            report_.findings.push_back(finding);
            // Not yet published is no fault of whoever reads this.
            auto& kept = report_.findings.back();
            if (kept.verdict == Verdict::problem) kept.verdict = Verdict::note;
        }
        port(Role::s2s, config.listen.s2s, "sheet.port-xmpp", name);
        port(Role::s2s, config.listen.s2s_tls, "sheet.port-xmpps", name);
        port(Role::sip, config.listen.sip_tls, "sheet.port-sips", name);
        port(Role::sip, config.listen.sip, "sheet.port-sip", name);
        certificate(name);
    }

    // What is the same for all of our domains.
    admin::Report finish(const std::vector<std::string>& domains) && {
        const auto settings = parts_.settings();
        const auto& config = *parts_.config;
        const auto now = parts_.executor.clock().wall();
        const auto& rules = settings->policy.rules;
        const bool legacy =
            std::any_of(rules.begin(), rules.end(), [now](const auto& rule) { return rule.second.legacy_tls(now); });
        say("tls", "", {legacy ? MessageId("sheet.tls-legacy") : MessageId("sheet.tls"), {}});
        if (config.has(Role::s2s)) {
            say("xmpp", "",
                {settings->policy.xmpp_default_allowed ? MessageId("sheet.xmpp-default-allow")
                                                       : MessageId("sheet.xmpp-default-deny"),
                 {}});
            say("xmpp", "", {"sheet.external", {}});
            say("xmpp", "", {"sheet.dialback", {}});
        }
        if (config.has(Role::sip)) {
            say("sip", "", {"sheet.mutual", {}});
            for (const auto& name : domains)
                say("sip", name,
                    {"sheet.sip-entered",
                     {name, config.sip_host.empty() ? "sip." + net::to_ascii_domain(name) : config.sip_host}});
        }
        for (const auto& contact : config.contacts) say("contact", "", {"sheet.contact", {contact}});
        return std::move(report_);
    }

private:
    void say(const char* step, const std::string& subject, Message what) {
        report_.add(step, subject, Verdict::good, std::move(what));
    }
    void port(Role role, const std::vector<admin::Address>& addresses, MessageId what, const std::string& domain) {
        if (parts_.config->has(role) && !addresses.empty())
            say("port", domain, {what, {std::to_string(addresses.front().port)}});
    }
    void certificate(const std::string& domain) {
        const auto settings = parts_.settings();
        const auto context = settings->s2s_context(domain);
        if (!context) return;
        say("certificate", domain, {"sheet.names", {join(context->names())}});
        if (context->is_self_signed())
            report_.add("certificate", domain, Verdict::note, {"sheet.self-signed", {}});
        else
            say("certificate", domain, {"sheet.issuer", {context->issuer()}});
        say("certificate", domain, {"sheet.expires", {time_text(context->expires())}});
        say("certificate", domain, {"sheet.fingerprint", {with_colons(context->sha256())}});
    }

    const Parts& parts_;
    admin::Report report_;
};

// All domains' plans at once; each domain then stands with its records.
class SheetMaker : public std::enable_shared_from_this<SheetMaker> {
public:
    SheetMaker(Parts parts, std::vector<std::string> domains, Reported done)
        : parts_(std::move(parts)), domains_(std::move(domains)), done_(std::move(done)), plans_(domains_.size()) {}

    void start() {
        if (open_ == 0) return finish();
        for (std::size_t i = 0; i < domains_.size(); ++i)
            plan_dns(parts_, {domains_[i]}, [self = shared_from_this(), i](admin::Report plan) {
                self->plans_[i] = std::move(plan);
                if (--self->open_ == 0) self->finish();
            });
    }

private:
    void finish() {
        Sheet sheet(parts_);
        for (std::size_t i = 0; i < domains_.size(); ++i) sheet.domain(domains_[i], plans_[i]);
        done_(std::move(sheet).finish(domains_));
    }

    const Parts parts_;
    const std::vector<std::string> domains_;
    Reported done_;
    std::vector<admin::Report> plans_;
    std::size_t open_ = domains_.size();
};

}  // namespace

void partner_sheet(Parts parts, std::vector<std::string> domains, Reported done) {
    std::make_shared<SheetMaker>(std::move(parts), std::move(domains), std::move(done))->start();
}

}  // namespace parley::look
