#include "apps/parleyd/look/partner_check.hpp"

#include <algorithm>

#include "admin/federation_rule.hpp"
#include "apps/parleyd/look/our_records.hpp"
#include "apps/parleyd/look/partner_dns.hpp"
#include "apps/parleyd/look/way_in.hpp"
#include "gateway/federation/foreign_domain.hpp"
#include "net/identity.hpp"

namespace parley::look {
namespace {

using admin::Message;
using admin::MessageId;

constexpr Millis whole_test{9'500};
constexpr std::size_t most_probes = 6;  // of the targets, in the order in which the services would try them
constexpr Millis slow_target{2'000};

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
        way_in_.reset();
        dns_.reset();
        after_dns_ = nullptr;
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
        if (rule && !rule->inbound)
            say("policy", domain_, Verdict::warning, {"test.policy-closed-in", {domain_}},
                Message{"fix.direction", {domain_}});
        if (rule && !rule->outbound)
            return end_with("policy", {"test.policy-closed-out", {domain_}}, Message{"fix.direction", {domain_}});
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
        if (!about_way_in()) return;
        if (sip_) about_old_tls();
        parts_.overview(domain_, [self = shared_from_this()](im::PartnerOverview overview) {
            self->overview_ = std::move(overview);
            self->conclude();
        });
        if (!rule_.next_hop.empty()) {
            say("dns", rule_.next_hop, Verdict::good, {"test.dns-next-hop", {}});
            return find_targets();
        }
        PartnerDns::Question question;
        question.domain = domain_;
        const auto ascii = net::to_ascii_domain(domain_);
        if (sip_) {
            const auto& profile = gateway::profile_or_simple(rule_.profile);
            for (const auto& name : profile.srv)
                if (name.tls ? rule_.tls != im::TlsPolicy::off : rule_.tls != im::TlsPolicy::required)
                    question.names.push_back(std::string(name.prefix) + '.' + ascii);
            question.fall_back_port = rule_.tls == im::TlsPolicy::off ? "5060" : "5061";
            question.hosts_inside = profile.identity == gateway::IdentityRule::host && profile.clearing_house.empty();
        } else {
            question.names.push_back(std::string(srv_prefix(server::Service::xmpp)) + ascii);
            if (rule_.tls != im::TlsPolicy::off && rule_.direct_tls)
                question.names.push_back(std::string(srv_prefix(server::Service::xmpp_tls)) + ascii);
            question.fall_back_port = "5269";
        }
        if (question.hosts_inside) {
            ours_open_ = true;
            look_at_our_records(parts_, from_, [self = shared_from_this()](admin::Report report) {
                self->ours_ = std::move(report);
                self->ours_open_ = false;
                self->conclude();
            });
        }
        names_ = question.names.empty() ? domain_ : question.names.front();
        dns_ = PartnerDns::start(parts_, std::move(question), [self = shared_from_this()](PartnerDns::Found found) {
            if (!self->done_) return;
            self->found_ = std::move(found);
            self->dns_.reset();
            if (const auto go_on = std::exchange(self->after_dns_, nullptr)) go_on();
        });
        find_targets();
    }

    // What the partner may prove itself by, when it connects to us. False: nothing helps, and that has been said.
    bool about_way_in() {
        const auto release = sip_ ? std::string{} : parts_.refused_release(domain_);
        if (!release.empty()) {
            end_with("policy", {"test.policy-release", {release}}, {});
            return false;
        }
        std::string ways;
        const auto add = [&](bool allowed, const char* way) {
            if (allowed) ways += (ways.empty() ? "" : ", ") + std::string(way);
        };
        add(sip_, rule_.next_hop.empty() || rule_.next_hop_tls ? "TLS" : "TCP");
        add(!sip_ && rule_.external_in && rule_.tls != im::TlsPolicy::off, "SASL EXTERNAL");
        add(!sip_ && rule_.dialback && rule_.tls != im::TlsPolicy::off, "dialback (TLS)");
        add(!sip_ && rule_.plain_dialback && rule_.tls != im::TlsPolicy::required, "dialback (TCP)");
        say("policy", domain_ + " -> " + from_, Verdict::good, {"test.policy-in", {ways}});
        return true;
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
        if (dns_) {  // both ask the same questions; what is said of them comes first
            after_dns_ = [self = shared_from_this(), found = std::move(found)]() mutable {
                self->targets_found(std::move(found));
            };
            return;
        }
        if (!found) {
            if (found_.culprit) found_.report.findings[*found_.culprit].verdict = Verdict::problem;
            take(std::move(found_.report));
            if (found_.culprit) return end(false);
            return end_with("dns", {"test.dns-no-server", {domain_, found.error().detail}},
                            Message{"fix.their-srv", {names_.empty() ? rule_.next_hop : names_}});
        }
        question_ = {from_, domain_, rule_};
        for (const auto& target : *found) {
            if (probes_.size() == most_probes) break;
            auto finished = [weak = weak_from_this(), at = probes_.size()] {
                if (const auto self = weak.lock()) self->probe_finished(at);
            };
            if constexpr (std::is_same_v<Target, gateway::SipTarget>)
                probes_.push_back(probe_sip(parts_, question_, target, std::move(finished)));
            else
                probes_.push_back(probe_xmpp(parts_, question_, target, std::move(finished)));
        }
    }

    void probe_finished(std::size_t at) {
        if (!done_) return;
        const auto& probe = *probes_[at];
        if (probe.result().proven && !way_in_) {
            way_in_ = WayIn::start(parts_, question_, probe, [weak = weak_from_this()](admin::Report report) {
                const auto self = weak.lock();
                if (!self) return;
                self->seen_ = std::move(report);
                self->conclude();
            });
        }
        conclude();
    }

    void conclude() {
        if (!done_ || probes_.empty() || !overview_ || ours_open_ || (way_in_ && !seen_)) return;
        if (std::all_of(probes_.begin(), probes_.end(), [](const auto& probe) { return probe->done(); })) sum_up();
    }

    void take(admin::Report report) {
        auto& all = report_.findings;
        all.insert(all.end(), std::make_move_iterator(report.findings.begin()),
                   std::make_move_iterator(report.findings.end()));
    }

    // The address that a message would go to: the first, in the order in which the services try them, behind which they
    // would try no other. Those before it do not work, those behind it are not needed.
    const Probe* deciding() const {
        const auto found = std::find_if(probes_.begin(), probes_.end(),
                                        [](const auto& probe) { return probe->done() && probe->result().reached; });
        return found == probes_.end() ? nullptr : found->get();
    }

    void sum_up() {
        const auto* last = deciding();
        const bool passes = last && last->result().passed;
        const bool nobody_there =
            std::none_of(probes_.begin(), probes_.end(), [](const auto& probe) { return probe->result().connected; });
        if (found_.fell_back && nobody_there)
            for (auto& finding : found_.report.findings)
                if (finding.what.id == MessageId("test.dns-no-record")) {
                    finding.verdict = Verdict::problem;
                    finding.fix = Message{"fix.their-srv", {finding.subject}};
                }
        take(std::move(found_.report));
        std::size_t work = 0;
        for (const auto& probe : probes_) {
            auto report = probe->result().report;
            if (!probe->done())
                report.add("time", probe->subject(), Verdict::problem, {"test.out-of-time", {seconds()}});
            // What does not keep a message back is no problem of this partner's; it is worth mending all the same.
            const bool counts = !passes && (!last || probe.get() == last);
            for (auto& finding : report.findings)
                if (finding.verdict == Verdict::problem && !counts) finding.verdict = Verdict::warning;
            take(std::move(report));
            if (probe->done() && probe->result().passed) ++work;
            if (probe->done() && probe->result().passed && probe->result().took > slow_target)
                report_.add("time", probe->subject(), Verdict::warning,
                            {"test.target-slow", {std::to_string(probe->result().took.count())}},
                            Message{"fix.their-targets", {}});
        }
        if (passes && work < probes_.size())
            say("targets", domain_, Verdict::warning,
                {"test.targets-left", {std::to_string(work), std::to_string(probes_.size()), last->subject()}},
                Message{"fix.their-targets", {}});
        if (way_in_ && !seen_)
            say("in", domain_ + " -> " + from_, Verdict::warning, {"test.in-silent", {}},
                Message{"fix.our-srv", {from_}});
        if (seen_) take(std::move(*seen_));
        if (!sip_ && !way_in_)
            say("in", domain_ + " -> " + from_, Verdict::note, {"test.in-untested", {"@test.in-no-stream"}});
        take(std::move(ours_));
        const bool proven = std::any_of(report_.findings.begin(), report_.findings.end(), [](const auto& finding) {
            return finding.what.id == MessageId("test.in-proven") || finding.what.id == MessageId("test.in-notified");
        });
        if (overview_) say_seen(parts_, domain_, sip_, *overview_, proven, report_);
        say("untested", domain_, Verdict::note, {"test.untested", {}});
        end(passes && report_.count(Verdict::problem) == 0);
    }

    static std::string seconds() { return std::to_string(std::chrono::duration_cast<Seconds>(whole_test).count()); }

    void out_of_time() {
        if (!done_) return;
        if (deciding()) return sum_up();  // what is missing says nothing against it
        take(std::move(found_.report));
        for (const auto& probe : probes_) take(probe->result().report);
        end_with("time", {"test.out-of-time", {seconds()}}, {});
    }

    const Parts parts_;
    const std::string domain_, from_;
    Reported done_;
    admin::Report report_;
    im::DomainRule rule_;
    bool sip_ = false;
    std::string names_;
    std::shared_ptr<PartnerDns> dns_;  // while it asks
    Function<void()> after_dns_;
    PartnerDns::Found found_;
    Probe::Question question_;
    std::optional<im::PartnerOverview> overview_;
    std::unique_ptr<WayIn> way_in_;
    bool ours_open_ = false;
    admin::Report ours_;                 // of our own records
    std::optional<admin::Report> seen_;  // of the way in
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
