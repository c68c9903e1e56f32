#include "apps/parleyd/look/partner_check.hpp"

#include <algorithm>

#include "admin/federation_rule.hpp"
#include "apps/parleyd/look/probe.hpp"
#include "gateway/federation/foreign_domain.hpp"
#include "net/identity.hpp"
#include "net/srv.hpp"

namespace parley::look {
namespace {

using admin::Message;

constexpr Millis whole_test{9'500};
constexpr std::size_t most_probes = 6;  // of the targets, in the order in which the services would try them

std::string record_text(const net::SrvRecord& record) {
    return std::to_string(record.priority) + ' ' + std::to_string(record.weight) + ' ' + std::to_string(record.port) +
           ' ' + record.target;
}

class PartnerCheck : public std::enable_shared_from_this<PartnerCheck> {
public:
    PartnerCheck(Parts parts, std::string domain, std::string from, Reported done)
        : parts_(std::move(parts)), domain_(std::move(domain)), from_(std::move(from)), done_(std::move(done)) {}

    void start() {
        // The timer keeps this alive; the answer lets go of both.
        limit_ = parts_.executor.after(whole_test, [self = shared_from_this()] { self->out_of_time(); });
        policy();
    }

private:
    void say(std::string step, std::string subject, Verdict verdict, Message what, std::optional<Message> fix = {},
             std::optional<SteadyTime> since = {}) {
        const auto took = since ? (parts_.executor.clock().now() - *since).count() : std::int64_t{-1};
        report_.add(std::move(step), std::move(subject), verdict, std::move(what), std::move(fix), took);
    }
    void end(bool good) {
        if (!done_) return;
        report_.good = good;
        probes_.clear();
        parts_.executor.post([self = shared_from_this(), done = std::move(done_)] { done(std::move(self->report_)); });
        done_ = nullptr;
        limit_.cancel();
    }
    void end_with(std::string step, Message what, std::optional<Message> fix) {
        say(std::move(step), domain_, Verdict::problem, std::move(what), std::move(fix));
        end(false);
    }

    void policy() {
        const auto& policy = parts_.configured->policy;
        const auto* rule = policy.rule(domain_);
        if (!rule && !policy.xmpp_default_allowed)
            return end_with("policy", {"test.policy-none", {domain_}}, Message{"fix.allow", {domain_}});
        if (rule && !rule->allowed)
            return end_with("policy", {"test.policy-denied", {domain_}}, Message{"fix.allow", {domain_}});
        say("policy", domain_, Verdict::good,
            rule ? Message{"test.policy-allowed", {domain_}} : Message{"test.policy-default", {}});
        if (!rule || rule->transport != im::Transport::automatic) {
            const bool sip = rule && rule->transport == im::Transport::sip;
            say("way", domain_, Verdict::good, {"test.way-rule", {sip ? "SIP" : "XMPP"}});
            return way_known();
        }
        parts_.transports.find(parts_.executor, domain_,
                               [self = shared_from_this(), since = parts_.executor.clock().now()](
                                   const Result<im::Transport>& way) { self->way_found(way, since); });
    }

    void way_found(const Result<im::Transport>& way, SteadyTime since) {
        if (!done_) return;
        if (!way) {
            const auto code = way.error().code;
            if (code == Errc::forbidden) return end_with("way", {"test.way-plain-only", {}}, Message{"fix.via", {}});
            if (code == Errc::not_found)
                return end_with("way", {"test.way-none", {}},
                                Message{"fix.their-srv", {"_xmpp-server._tcp." + domain_}});
            return end_with("way", {"test.dns-silent", {way.error().detail}}, Message{"fix.our-dns", {}});
        }
        const auto decision = parts_.transports.decision(domain_);
        const bool sip = *way == im::Transport::sip;
        const auto by = decision && *decision ? std::string(server::srv_prefix((*decision)->by)) + domain_ : domain_;
        say("way", domain_, Verdict::good, {"test.way-dns", {sip ? "SIP" : "XMPP", by}}, {}, since);
        if (decision && *decision && (*decision)->both)
            say("way", domain_, Verdict::note, {"test.way-both", {sip ? "XMPP" : "SIP"}});
        way_known();
    }

    void way_known() {
        rule_ = parts_.settings()->policy.settings(domain_);
        sip_ = rule_.transport == im::Transport::sip;
        if (sip_ && !parts_.config->has(admin::Role::sip))
            return end_with("way", {"test.no-sip", {}}, Message{"fix.role-sip", {}});
        if (sip_) about_old_tls();
        since_ = parts_.executor.clock().now();
        if (!rule_.next_hop.empty()) {
            say("dns", rule_.next_hop, Verdict::good, {"test.dns-next-hop", {}});
            return find_targets();
        }
        std::vector<std::string> prefixes;
        if (sip_) {
            for (const auto& name : gateway::profile_or_simple(rule_.profile).srv)
                if (name.tls ? rule_.tls != im::TlsPolicy::off : rule_.tls != im::TlsPolicy::required)
                    prefixes.push_back(std::string(name.prefix) + '.');
        } else {
            prefixes.emplace_back(srv_prefix(server::Service::xmpp));
            if (rule_.tls != im::TlsPolicy::off) prefixes.emplace_back(srv_prefix(server::Service::xmpp_tls));
        }
        names_ = prefixes.front() + domain_;
        open_ = prefixes.size();
        for (const auto& prefix : prefixes) {
            const auto name = prefix + net::to_ascii_domain(domain_);
            parts_.network.resolve_srv(
                parts_.executor, name,
                [self = shared_from_this(), name](Result<net::DnsAnswer<net::SrvRecord>> answer) {
                    self->srv_answered(name, std::move(answer));
                });
        }
        if (prefixes.empty()) find_targets();
    }

    void about_old_tls() {
        if (!rule_.has_legacy_tls()) return;
        const auto day = admin::legacy_last_day(rule_);
        if (!rule_.legacy_tls(parts_.executor.clock().wall()))
            return say("tls", domain_, Verdict::note, {"test.tls-legacy-over", {day}}, Message{"fix.renew-legacy", {}});
        say("tls", domain_, Verdict::note, {"test.tls-legacy", {day}});
        const auto sip = parts_.sip();
        const auto own = sip->legacy_domains.find(from_);
        if (own != sip->legacy_domains.end() && !own->second->has_rsa_key())
            say("tls", from_, Verdict::note, {"test.tls-legacy-no-rsa", {}}, Message{"fix.rsa", {}});
    }

    void srv_answered(const std::string& name, Result<net::DnsAnswer<net::SrvRecord>> answer) {
        if (!done_) return;
        if (!answer && answer.error().code == Errc::forbidden) {
            say("dns", name, Verdict::problem, {"test.dns-bogus", {answer.error().detail}},
                Message{"fix.their-dnssec", {}}, since_);
        } else if (!answer) {
            say("dns", name, Verdict::note, {"test.dns-silent", {answer.error().detail}}, Message{"fix.our-dns", {}},
                since_);
        } else if (answer->records.empty()) {
            say("dns", name, Verdict::note, {"test.dns-no-record", {}}, {}, since_);
        } else if (net::decidedly_absent(answer->records)) {
            say("dns", name, Verdict::note, {"test.dns-not-offered", {}}, {}, since_);
            published_ = true;
        } else {
            published_ = true;
            for (const auto& record : answer->records) {
                say("dns", name, Verdict::good, {"test.dns-records", {record_text(record)}}, {}, since_);
                hosts_.push_back(record.target);
            }
        }
        if (--open_ > 0) return;
        if (!published_) {
            say("dns", domain_, Verdict::note,
                {"test.dns-fall-back", {sip_ ? (rule_.tls == im::TlsPolicy::off ? "5060" : "5061") : "5269"}});
            hosts_.push_back(domain_);
        }
        std::sort(hosts_.begin(), hosts_.end());
        hosts_.erase(std::unique(hosts_.begin(), hosts_.end()), hosts_.end());
        if (hosts_.size() > most_probes) hosts_.resize(most_probes);
        open_ = hosts_.size();
        since_ = parts_.executor.clock().now();
        if (hosts_.empty()) return find_targets();
        for (const auto& host : hosts_)
            parts_.network.resolve_host(
                parts_.executor, host,
                [self = shared_from_this(), host](const Result<net::DnsAnswer<std::string>>& found) {
                    self->host_answered(host, found);
                });
    }

    void host_answered(const std::string& host, const Result<net::DnsAnswer<std::string>>& answer) {
        if (!done_) return;
        if (!answer && answer.error().code == Errc::forbidden) {
            say("dns", host, Verdict::problem, {"test.dns-bogus", {answer.error().detail}},
                Message{"fix.their-dnssec", {}}, since_);
        } else if (!answer) {
            say("dns", host, Verdict::note, {"test.dns-silent", {answer.error().detail}}, Message{"fix.our-dns", {}},
                since_);
        } else if (answer->records.empty()) {
            say("dns", host, Verdict::note, {"test.dns-no-address", {}}, Message{"fix.their-address", {host}}, since_);
        } else {
            std::string all;
            for (const auto& address : answer->records) all += (all.empty() ? "" : ", ") + address;
            say("dns", host, Verdict::good, {"test.dns-address", {all}}, {}, since_);
        }
        if (--open_ == 0) find_targets();
    }

    // By the services' own search, so that the order and the choice are theirs.
    void find_targets() {
        const auto domain = net::to_ascii_domain(domain_);
        const auto self = shared_from_this();
        if (sip_)
            sip_search_ = gateway::SipTargetSearch::start(
                parts_.network, parts_.executor, parts_.random, domain, rule_,
                [self](Result<std::deque<gateway::SipTarget>> found) { self->targets_found(std::move(found)); },
                gateway::clearing_house(parts_.settings()->policy, rule_));
        else
            xmpp_search_ = server::TargetSearch::start(
                parts_.network, parts_.executor, parts_.random, domain, rule_,
                [self](Result<std::deque<server::Target>> found) { self->targets_found(std::move(found)); });
    }

    template <class Target>
    void targets_found(Result<std::deque<Target>> found) {
        if (!done_) return;
        if (!found)
            return end_with("dns", {"test.dns-no-server", {domain_, found.error().detail}},
                            Message{"fix.their-srv", {names_.empty() ? rule_.next_hop : names_}});
        const Probe::Question question{from_, domain_, rule_};
        for (const auto& target : *found) {
            if (probes_.size() == most_probes) break;
            auto finished = [weak = weak_from_this()] {
                if (const auto self = weak.lock()) self->probe_finished();
            };
            if constexpr (std::is_same_v<Target, gateway::SipTarget>)
                probes_.push_back(probe_sip(parts_, question, target, std::move(finished)));
            else
                probes_.push_back(probe_xmpp(parts_, question, target, std::move(finished)));
        }
    }

    void probe_finished() {
        if (!done_) return;
        for (const auto& probe : probes_) {
            if (!probe->done()) return;
            if (probe->result().reached) break;  // what comes behind it does not count
        }
        sum_up();
    }

    void sum_up() {
        bool good = false;
        for (const auto& probe : probes_) {
            const auto& findings = probe->result().report.findings;
            report_.findings.insert(report_.findings.end(), findings.begin(), findings.end());
            if (!probe->result().reached) continue;
            good = probe->result().passed;
            break;
        }
        end(good);
    }

    void out_of_time() {
        if (!done_) return;
        say("time", domain_, Verdict::problem,
            {"test.out-of-time", {std::to_string(std::chrono::duration_cast<Seconds>(whole_test).count())}});
        for (const auto& probe : probes_) {
            const auto& findings = probe->result().report.findings;
            report_.findings.insert(report_.findings.end(), findings.begin(), findings.end());
        }
        end(false);
    }

    const Parts parts_;
    const std::string domain_, from_;
    Reported done_;
    admin::Report report_;
    im::DomainRule rule_;
    bool sip_ = false, published_ = false;
    std::string names_;
    SteadyTime since_{};
    std::size_t open_ = 0;
    std::vector<std::string> hosts_;
    std::shared_ptr<gateway::SipTargetSearch> sip_search_;
    std::shared_ptr<server::TargetSearch> xmpp_search_;
    std::vector<std::unique_ptr<Probe>> probes_;
    Timer limit_;
};

}  // namespace

void check_partner(Parts parts, std::string domain, std::string from, Reported done) {
    std::make_shared<PartnerCheck>(std::move(parts), std::move(domain), std::move(from), std::move(done))->start();
}

}  // namespace parley::look
