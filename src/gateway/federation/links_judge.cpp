#include <algorithm>

#include "base/text.hpp"
#include "gateway/federation/foreign_domain.hpp"
#include "gateway/federation/links.hpp"
#include "net/identity.hpp"
#include "sip/header/name_addr.hpp"

// Who is at the other end of a connection that the peer opened, and for which domain it may speak.
namespace parley::gateway {
namespace {

constexpr Seconds expected_for{300};
constexpr Seconds vouched_for{1};  // old TLS and what DNS said may end meanwhile, a rule's change is seen at once
constexpr int checked_later = -1;  // which hosts the domain has
constexpr int undecided = -2;      // whether it is reached over SIP at all

std::string_view host_of(const Result<sip::NameAddr>& address) {  // within it
    return address && address->uri.is_sip() ? address->uri.host() : std::string_view{};
}

}  // namespace

// What to think of when a handshake with this partner fails.
std::string SipLinks::about_old_tls(const std::string& domain) const {
    const auto rule = settings_()->policy.settings(domain);
    if (!rule.has_legacy_tls() || rule.legacy_tls(executor_.clock().wall())) return {};
    return "; its time for old TLS is over (parleyctl federation allow --legacy-tls-until)";
}

void SipLinks::handshake_failed(const Link& link, const Error& why) {
    std::string hint;
    for (const auto& [domain, known] : expected_) {
        const auto& addresses = known.addresses;
        if (std::find(addresses.begin(), addresses.end(), link.remote().address) != addresses.end() && hint.empty())
            hint = about_old_tls(domain);
    }
    log_.say(executor_.clock().now(), LogLevel::warning, "handshake " + link.remote().address,
             "SIP: no TLS with " + link.remote().to_string() + ", which connected to us: " + why.detail + hint);
}

const SipLinks::Expected* SipLinks::expected(const std::string& domain) const {
    const auto found = expected_.find(domain);
    const bool holds = found != expected_.end() && found->second.known && executor_.clock().now() < found->second.until;
    return holds ? &found->second : nullptr;
}

// A connection with old TLS, when the partner's time for it is over.
bool SipLinks::is_outdated(const Link& link, const im::DomainRule& rule) const {
    const auto* tls = link.tls();
    return tls && (tls->protocol == "TLSv1" || tls->protocol == "TLSv1.1") &&
           !rule.legacy_tls(executor_.clock().wall());
}

// May the domain in From talk to us over SIP at all?
int SipLinks::judge_domain(const SipSettings& settings, std::string_view host, std::string& domain,
                           std::string& why) const {
    domain = foreign_domain(settings.policy, host);
    if (domain.empty()) {
        why = "its From names no domain";
        return 403;
    }
    if (settings.policy.sip_allowed(domain)) return 0;
    const auto* rule = settings.policy.rule(domain);
    why = rule && rule->allowed && rule->transport == im::Transport::xmpp
              ? domain + " is reached over XMPP here"
              : "exchange with " + domain + " is not allowed here";
    return 403;
}

// May this link speak for the domain in From?
int SipLinks::judge(const Link& link, const sip::Message& request, std::string& domain, std::string& why) {
    const auto settings = settings_();
    const auto now = executor_.clock().now();
    const auto from = host_of(request.from());
    const auto known = vouched_.find(link.id().value);
    const bool vouched = known != vouched_.end() && known->second.settings == settings && now < known->second.until &&
                         from == known->second.from;
    if (vouched)
        domain = known->second.domain;
    else if (const int refusal = judge_domain(*settings, from, domain, why))
        return refusal;
    // Relaying is nobody's business: only our own domains, and our own host for OPTIONS.
    if (const auto to = host_of(request.to()); !settings->domains.contains(to)) {
        auto ours = policy_domain(to);
        if (!settings->domains.contains(ours) && ours.starts_with("sip.")) ours.erase(0, 4);
        if (!settings->domains.contains(ours)) {
            why = "it writes to " + policy_domain(to) + ", which is not served here";
            return 404;
        }
    }
    if (vouched) return 0;
    const auto rule = settings->policy.settings(domain);
    if (rule.transport == im::Transport::automatic && settings->transports) return undecided;
    const int verdict = link.tls() ? judge_certificate(link, rule, why) : judge_plain(link, rule, why);
    if (verdict == 0)
        vouched_.insert_or_assign(link.id().value, Vouched{settings, std::string(from), domain, now + vouched_for});
    return verdict;
}

int SipLinks::judge_plain(const Link& link, const im::DomainRule& rule, std::string& why) const {
    why = "its rule demands TLS, and it came without";
    if (rule.next_hop.empty() || rule.next_hop_tls) return 403;
    if (link.remote().is_loopback()) return 0;
    why = "it came without TLS from an address that is not that of its next hop " + rule.next_hop;
    if (parse_host_port(rule.next_hop).host == link.remote().address) return 0;
    const auto* known = expected(rule.domain);
    if (!known) return checked_later;
    const auto& addresses = known->addresses;
    return std::find(addresses.begin(), addresses.end(), link.remote().address) != addresses.end() ? 0 : 403;
}

// RFC 5922 7.3 asks for the domain's name in the certificate; partners with an edge server are known by their edge's
// host name instead (their domain alone names no edge server), which is looked up once.
int SipLinks::judge_certificate(const Link& link, const im::DomainRule& rule, std::string& why) const {
    const auto& tls = *link.tls();
    if (is_outdated(link, rule)) {
        why = rule.has_legacy_tls() ? "its time for old TLS (" + tls.protocol + ") is over"
                                    : "it speaks " + tls.protocol + ", which its rule does not allow";
        return 403;
    }
    if (!tls.peer || !tls.peer->trusted) {
        why = tls.peer ? "its certificate is not trusted: " + tls.peer->trust_error : "it showed no certificate";
        return 403;
    }
    const bool by_domain = profile_or_simple(rule.profile).identity == IdentityRule::domain;
    if (by_domain && net::names_sip_domain(*tls.peer, rule.domain)) return 0;
    if (net::names_host(*tls.peer, rule.tls_names)) return 0;
    std::vector<std::string> hosts;
    if (!rule.next_hop.empty()) {
        hosts = {parse_host_port(rule.next_hop).host};
    } else if (!by_domain) {
        const auto* known = expected(rule.domain);
        if (!known) return checked_later;
        hosts = known->hosts;
    }
    if (net::names_host(*tls.peer, hosts)) return 0;
    why = "its certificate names " + net::describe_names(*tls.peer) + ", and not " +
          (hosts.empty() ? rule.domain : hosts.front());
    return 403;
}

sip::Admission SipLinks::refused(const Link& link, const std::string& domain, int status, const std::string& why) {
    const auto settings = settings_();
    im::Refusal refusal;
    refusal.partner = domain;
    refusal.protocol = "SIP";
    refusal.address = link.remote().address;
    refusal.condition = std::to_string(status);
    refusal.why = why;
    if (!domain.empty() && !settings->policy.sip_allowed(domain))
        refusal.remedy = "To allow it: parleyctl federation allow " + domain + " --via sip";
    const auto remedy = refusal.remedy;
    const auto noted = note_refusal(observers_, std::move(refusal), *settings, executor_.clock().wall(), random_);
    log_.say(executor_.clock().now(), LogLevel::warning, domain + ' ' + why,
             "SIP with " + (domain.empty() ? std::string("somebody") : domain) + " (" + link.remote().to_string() +
                 ") is refused: " + im::told(noted.why, noted.reference, true) + (remedy.empty() ? "" : ". " + remedy));
    if (settings->policy.names(domain)) refusals_[domain] = {why, executor_.clock().wall()};
    if (!domain.empty()) {
        im::PartnerEvent event;
        event.what = im::PartnerEvent::What::refused;
        event.detail = why;
        event.place = link.remote().to_string();
        note({}, domain, std::move(event));
    }
    return {status, im::told(noted.why, noted.reference, settings->disclose_reasons)};
}

void SipLinks::on_message(Link& link, sip::Parsed parsed) {
    sip::Admission admission;
    if (parsed.message.is_request() && !parsed.problem) {
        std::string domain, why;
        const int refusal = judge(link, parsed.message, domain, why);
        if (refusal == checked_later || refusal == undecided) {
            link.hold();
            held_[link.id().value] = std::move(parsed);
            if (refusal == undecided) return decide(link.id(), domain);
            if (!expected_.contains(domain)) make_room();
            expected_[domain].waiting.push_back(link.id());
            return look_up(domain);
        }
        if (refusal == 0)
            spoke_for(link, domain);
        else
            admission = refused(link, domain, refusal, why);
    }
    inbox_.on_message(link.id(), std::move(parsed), std::move(admission));
}

void SipLinks::spoke_for(Link& link, const std::string& domain) {
    if (routes_of_links_.contains(link.id().value)) return;
    if (!speaks_for_.try_emplace(link.id().value, domain).second) return;
    set_rate(link, domain);
    note_link(im::PartnerEvent::What::connected, {}, domain, link, {});
}

void SipLinks::decide(sip::LinkId id, const std::string& domain) {
    settings_()->transports->find(
        executor_, domain, [this, weak = std::weak_ptr<int>(alive_), id, domain](const Result<im::Transport>& way) {
            if (weak.expired()) return;
            const auto link = links_.find(id.value);
            auto held = held_.extract(id.value);
            if (link == links_.end() || held.empty()) return;
            if (way) {
                on_message(*link->second, std::move(held.mapped()));  // which may hold it again
            } else {
                auto admission = refused(*link->second, domain, 403, way.error().detail);
                inbox_.on_message(id, std::move(held.mapped()), std::move(admission));
            }
            if (!held_.contains(id.value)) link->second->resume();
        });
}

void SipLinks::look_up(const std::string& domain) {
    auto& expected = expected_[domain];
    if (expected.search) return;
    expected.search = SipTargetSearch::start(
        network_, executor_, random_, net::to_ascii_domain(domain), settings_()->policy.settings(domain),
        [this, domain](Result<std::deque<SipTarget>> found) { looked_up(domain, std::move(found)); },
        clearing_house(settings_()->policy, settings_()->policy.settings(domain)));
}

void SipLinks::looked_up(const std::string& domain, Result<std::deque<SipTarget>> found) {
    auto& expected = expected_[domain];
    const auto search = std::move(expected.search);
    expected.known = true;
    expected.until = executor_.clock().now() + expected_for;
    expected.hosts.clear();
    expected.addresses.clear();
    if (found) {
        for (const auto& target : *found) {
            expected.hosts.push_back(target.host);
            expected.addresses.push_back(target.endpoint.address);
        }
    }
    for (const auto id : std::exchange(expected.waiting, {})) {
        const auto link = links_.find(id.value);
        auto held = held_.extract(id.value);
        if (link == links_.end() || held.empty()) continue;
        std::string again, why;
        const int refusal = judge(*link->second, held.mapped().message, again, why);
        sip::Admission admission;
        if (refusal == 0)
            spoke_for(*link->second, domain);
        else
            admission = refused(*link->second, domain, refusal < 0 ? 403 : refusal, why);
        inbox_.on_message(id, std::move(held.mapped()), std::move(admission));
        link->second->resume();
    }
    for (const auto id : std::exchange(unsecured_, {}))
        if (const auto link = links_.find(id); link != links_.end()) secure(*link->second);
}

}  // namespace parley::gateway
