#include "apps/parleyd/look/dns_plan.hpp"

#include <algorithm>

#include "im/xmpp_profile.hpp"
#include "net/dane.hpp"
#include "net/identity.hpp"

namespace parley::look {
namespace {

using admin::Message;

class DnsPlan : public std::enable_shared_from_this<DnsPlan> {
public:
    DnsPlan(Parts parts, Reported done) : parts_(std::move(parts)), done_(std::move(done)) {}

    void start(const std::vector<std::string>& domains) {
        ++open_;
        for (const auto& domain : domains) plan(domain);
        settled();
    }

private:
    using Addresses = std::vector<admin::Address>;
    using admin_role = admin::Role;

    void plan(const std::string& domain) {
        const auto& listen = parts_.config->listen;
        const auto ascii = net::to_ascii_domain(domain);
        const auto xmpp = "xmpp." + ascii, sip = "sip." + ascii;
        bool has_xmpp = false, has_sip = false;
        const auto wanted = [&](admin_role role, const Addresses& addresses, const char* prefix,
                                const std::string& host, bool& kind) {
            if (!parts_.config->has(role) || addresses.empty()) return;
            kind = true;
            record(prefix + ascii, addresses.front().port, host);
        };
        wanted(admin_role::c2s, listen.c2s, "_xmpp-client._tcp.", xmpp, has_xmpp);
        wanted(admin_role::c2s, listen.c2s_tls, "_xmpps-client._tcp.", xmpp, has_xmpp);
        wanted(admin_role::s2s, listen.s2s, "_xmpp-server._tcp.", xmpp, has_xmpp);
        wanted(admin_role::s2s, listen.s2s_tls, "_xmpps-server._tcp.", xmpp, has_xmpp);
        wanted(admin_role::sip, listen.sip_tls, "_sips._tcp.", sip, has_sip);
        // An OCS or Lync edge takes a host directly in the SIP domain only.
        wanted(admin_role::sip, listen.sip_tls, "_sipfederationtls._tcp.", sip, has_sip);
        if (parts_.config->has(admin_role::s2s))
            for (const auto* addresses : {&listen.s2s, &listen.s2s_tls})
                if (!addresses->empty()) tlsa(domain, xmpp, addresses->front().port);
        one_record(domain);
        if (has_xmpp) host(xmpp);
        if (has_sip) host(sip);
        certificate(domain, ascii, has_sip ? sip : std::string());
        for (const auto& [rooms, beside] : parts_.settings()->room_domains)
            if (beside == domain) plan_rooms(rooms, xmpp);
    }

    // For people of XMPP partners only: a node does its work without.
    void plan_rooms(const std::string& rooms, const std::string& host) {
        const auto& listen = parts_.config->listen;
        if (!parts_.config->has(admin_role::s2s)) return;
        const auto ascii = net::to_ascii_domain(rooms);
        const Message missing{"plan.rooms-missing", {}};
        if (!listen.s2s.empty())
            record("_xmpp-server._tcp." + ascii, listen.s2s.front().port, host, Verdict::note, missing);
        const auto context = parts_.settings()->s2s_context(rooms);
        if (!context) return;
        const bool named = names(*context, ascii);
        fill(place("certificate", ascii), named ? Verdict::good : Verdict::note,
             named ? Message{"plan.name-there", {}} : Message{"plan.rooms-missing", {}});
    }

    // Findings keep the order of the plan, whatever comes first: each has its place before it is asked for.
    std::size_t place(std::string step, std::string subject) {
        report_.add(std::move(step), std::move(subject), Verdict::note, {"plan.missing", {}});
        return report_.findings.size() - 1;
    }
    void fill(std::size_t at, Verdict verdict, Message what) {
        report_.findings[at].verdict = verdict;
        report_.findings[at].what = std::move(what);
        if (verdict == Verdict::problem) report_.good = false;
    }

    struct Wanted {
        std::size_t at;
        std::uint16_t port;
        Verdict otherwise;
        Message missing;
    };
    void record(const std::string& name, std::uint16_t port, const std::string& host,
                Verdict otherwise = Verdict::problem, Message missing = {"plan.missing", {}}) {
        const auto at = place("record", name + ". SRV 0 0 " + std::to_string(port) + ' ' + host + '.');
        ++open_;
        parts_.network.resolve_srv(
            parts_.executor, name,
            [self = shared_from_this(), wanted = Wanted{at, port, otherwise, std::move(missing)}](
                const Result<net::DnsAnswer<net::SrvRecord>>& answer) { self->record_answered(wanted, answer); });
    }
    void record_answered(const Wanted& wanted, const Result<net::DnsAnswer<net::SrvRecord>>& answer) {
        const auto at = wanted.at;
        if (!answer) {
            fill(at, wanted.otherwise, {"plan.unknown", {answer.error().detail}});
        } else if (answer->records.empty()) {
            fill(at, wanted.otherwise, wanted.missing);
        } else {
            std::string all;
            bool ours = false;
            for (const auto& record : answer->records) {
                ours = ours || record.port == wanted.port;
                all += (all.empty() ? "" : ", ") + std::to_string(record.port) + ' ' + record.target;
            }
            if (ours)
                fill(at, Verdict::good, {"plan.there", {}});
            else
                fill(at, wanted.otherwise, {"plan.differs", {all}});
        }
        settled();
    }

    // RFC 7673: only of use where DNSSEC is, which without a trust anchor we cannot see.
    void tlsa(const std::string& domain, const std::string& host, std::uint16_t port) {
        const auto settings = parts_.settings();
        const auto context = settings->s2s_context(domain);
        if (!settings->dnssec || !context) return;
        const auto shown = net::own_certificates(*context);
        const auto record = shown.empty() ? std::nullopt : net::tlsa_for_key_of(shown.front());
        if (!record) return;
        const auto name = net::tlsa_name(host, port);
        const auto at = place("record", name + ". TLSA " + net::to_string(*record));
        ++open_;
        parts_.network.resolve_tlsa(
            parts_.executor, name,
            [self = shared_from_this(), at, context, shown](const Result<net::DnsAnswer<net::TlsaRecord>>& answer) {
                self->tlsa_answered(at, *context, shown, answer);
                self->settled();
            });
    }
    void tlsa_answered(std::size_t at, const net::TlsContext& context, const std::vector<std::string>& shown,
                       const Result<net::DnsAnswer<net::TlsaRecord>>& answer) {
        if (!answer) return fill(at, Verdict::note, {"plan.unknown", {answer.error().detail}});
        const auto records = net::usable(answer->records);
        if (records.empty()) return fill(at, Verdict::note, {"plan.tlsa", {}});
        if (!answer->secure) return fill(at, Verdict::note, {"plan.tlsa-insecure", {}});
        if (net::check_tlsa(records, shown, context, false).matches)
            return fill(at, Verdict::good, {"plan.tlsa-there", {}});
        std::string all;
        for (const auto& record : records) all += (all.empty() ? "" : ", ") + net::to_string(record);
        fill(at, Verdict::problem, {"plan.tlsa-differs", {all}});
    }

    // Some partners never try a second record: then one name has to lead to all nodes.
    void one_record(const std::string& domain) {
        if (!parts_.config->has(admin_role::s2s)) return;
        for (const auto& [partner, rule] : parts_.configured->policy.rules)
            if (const auto& kind = im::xmpp_profile_or_plain(rule.profile); rule.allowed && kind.first_record_only)
                fill(place("record", domain), Verdict::note,
                     {"plan.one-record", {partner, std::string(kind.title), "_xmpp-server._tcp." + domain}});
    }

    void host(const std::string& name) {
        const auto at = place("address", name + ". A");
        ++open_;
        parts_.network.resolve_host(parts_.executor, name,
                                    [self = shared_from_this(), at](const Result<net::DnsAnswer<std::string>>& answer) {
                                        std::string all;
                                        if (answer)
                                            for (const auto& address : answer->records)
                                                all += (all.empty() ? "" : ", ") + address;
                                        if (!answer)
                                            self->fill(at, Verdict::problem, {"plan.unknown", {answer.error().detail}});
                                        else if (all.empty())
                                            self->fill(at, Verdict::problem, {"plan.address-missing", {}});
                                        else
                                            self->fill(at, Verdict::good, {"plan.address-there", {all}});
                                        self->settled();
                                    });
    }

    static bool names(const net::TlsContext& context, const std::string& wanted) {
        const auto& all = context.names();
        return std::any_of(all.begin(), all.end(),
                           [&](const std::string& name) { return net::to_ascii_domain(name) == wanted; });
    }

    void certificate(const std::string& domain, const std::string& ascii, const std::string& sip) {
        const auto settings = parts_.settings();
        const auto found = settings->s2s_contexts.find(domain);
        if (found == settings->s2s_contexts.end()) return;
        std::string all;
        for (const auto& name : found->second->names()) all += (all.empty() ? "" : ", ") + name;
        for (const auto& wanted : {ascii, sip}) {
            if (wanted.empty()) continue;
            const auto at = place("certificate", wanted);
            if (names(*found->second, wanted))
                fill(at, Verdict::good, {"plan.name-there", {}});
            else
                fill(at, Verdict::problem, {"plan.name-missing", {all}});
        }
        const auto at = place("certificate", domain);
        fill(at, Verdict::good, {"plan.expires", {time_text(found->second->expires())}});
        if (found->second->is_self_signed())
            fill(place("certificate", domain), Verdict::problem, {"plan.self-signed", {}});
    }

    void settled() {
        if (--open_ > 0) return;
        parts_.executor.post([self = shared_from_this()] { self->done_(std::move(self->report_)); });
    }

    const Parts parts_;
    Reported done_;
    admin::Report report_;
    std::size_t open_ = 0;
};

}  // namespace

void plan_dns(Parts parts, std::vector<std::string> domains, Reported done) {
    std::make_shared<DnsPlan>(std::move(parts), std::move(done))->start(domains);
}

}  // namespace parley::look
