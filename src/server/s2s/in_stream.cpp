#include "server/s2s/in_stream.hpp"

#include "net/identity.hpp"
#include "server/s2s/both_ways.hpp"
#include "server/s2s/domain_of.hpp"
#include "server/s2s/link.hpp"
#include "server/s2s/link_history.hpp"
#include "server/s2s/overview.hpp"
#include "server/s2s/xmpp_federation.hpp"
#include "server/shard.hpp"
#include "xml/writer.hpp"
#include "xmpp/ns.hpp"
#include "xmpp/sasl/sasl_data.hpp"

namespace parley::server {
namespace {

constexpr std::size_t most_published = 16;  // domains whose publications are looked up for one stream

xml::ParserLimits limits_before_proof(const Limits& limits) {
    xml::ParserLimits parser;
    parser.element = limits.stanza_before_auth;
    parser.depth = limits.depth_before_auth;
    return parser;
}

constexpr Millis offer_after{1'000};  // to the link, when the partner says nothing first

}  // namespace

InStream::InStream(XmppFederation& federation, Shard& shard, std::unique_ptr<net::Connection> connection)
    : XmlStream(std::move(connection), limits_before_proof(shard.settings().limits),
                shard.settings().limits.outbound_soft),
      federation_(federation),
      shard_(&shard) {}

void InStream::start(bool direct_tls) {
    deadline_ = shard_->executor().after(shard_->settings().limits.to_authenticate, [this] {
        close("connection-timeout", "no domain was proven on this stream");
    });
    if (direct_tls) {
        const auto& contexts = shard_->settings().s2s_contexts;
        if (contexts.empty()) return abort();
        starting_tls_ = true;
        connection_->start_tls(contexts.begin()->second, net::Connection::TlsRole::server);
    }
    connection_->set_handler(this);
}

void InStream::on_header(const xml::Element& root) {
    if (!root.is(xmpp::ns::stream, "stream")) return close("invalid-namespace");
    const bool with_features = root.attribute("version").starts_with("1.");
    if (by_certificate_) return answer_header(with_features);  // whom it has proven is settled
    local_ = domain_of(root.attribute("to"));
    remote_ = domain_of(root.attribute("from"));
    // Some servers leave both out and name them with each dialback (XEP-0220 2.1.1).
    if (root.has_attribute("to") && (local_.empty() || !shard_->is_local(local_)))
        return close("host-unknown", "this domain is not served here");
    if (undecided(remote_)) return decide(remote_, [this, with_features] { answer_header(with_features); });
    answer_header(with_features);
}

void InStream::answer_header(bool with_features) {
    send_header();
    if (!remote_.empty()) {
        auto why = federation_.why_refused(*shard_, remote_);
        if (why.empty()) why = why_not_inside_tls(remote_);
        if (!why.empty()) return close("policy-violation", why);
    }
    if (!with_features) return;
    if (!intake_ && may_be_published(remote_)) return seek_proof(remote_, [this] { send_features(); });
    send_features();
}

bool InStream::undecided(const std::string& remote) const {
    return shard_->node().transports && shard_->settings().policy.route(remote) == im::Transport::automatic;
}

// A domain whose rule leaves the protocol to DNS: nothing is said before DNS has answered.
void InStream::decide(const std::string& remote, Function<void()> then) {
    wait();
    shard_->node().transports->find(
        shard_->executor(), remote,
        [this, weak = weak_from_this(), then = std::move(then)](const Result<im::Transport>& way) {
            const auto self = weak.lock();
            if (!self || closing()) return;
            way ? then() : close("policy-violation", way.error().detail);
            if (!closing() && !proof_search_) go_on();
        });
}

// STARTTLS is not offered to such a partner; a port where TLS comes first cannot know who it is until now.
std::string InStream::why_not_inside_tls(const std::string& remote) const {
    if (!secured_ || shard_->settings().policy.settings(remote).tls != im::TlsPolicy::off) return {};
    return "TLS is switched off for " + remote + " here; come by the port without it";
}

void InStream::send_header() {
    header_sent_ = true;
    id_ = shard_->random().hex(16);
    std::string out =
        "<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "
        "xmlns:db='jabber:server:dialback' version='1.0' xml:lang='en'";
    xml::write_attribute(out, "id", id_);
    if (!local_.empty()) xml::write_attribute(out, "from", local_);
    if (!remote_.empty()) xml::write_attribute(out, "to", remote_);
    out += '>';
    send(out);
}

std::string InStream::refusing(std::string_view condition, std::string_view text) {
    if (condition == "system-shutdown") {
        shut_down_ = true;
        return std::string(text);
    }
    const auto& [local, remote] = about_;
    return note_refused(local.empty() ? local_ : local, remote.empty() ? remote_ : remote, condition, text,
                        !in_handshake() && !end_said());
}

void InStream::refuse(std::string_view condition, std::string_view text, const std::string& local,
                      const std::string& remote) {
    about_ = {local, remote};
    close(condition, text);
}

void InStream::note(im::PartnerEvent::What what, const std::string& local, const std::string& remote,
                    const std::string& detail) {
    im::PartnerEvent event;
    event.what = what;
    event.local = local;
    event.detail = detail;
    const auto* tls = connection_->tls();
    event.place = this->remote().to_string() + (tls ? ", " + tls->protocol : ", TCP");
    note_partner_event(*shard_, remote, std::move(event));
}

std::string InStream::note_refused(const std::string& local, const std::string& remote, std::string_view condition,
                                   std::string_view text, bool can_be_told) {
    const auto who = remote.empty() ? std::string("a server that gives no domain") : "the server of " + remote;
    std::string remedy;
    if (!remote.empty() && !shard_->settings().policy.xmpp_allowed(remote))
        remedy = "To allow it: parleyctl federation allow " + remote + " --via xmpp";
    else if (condition == "not-authorized" && secured_)
        remedy = "It needs a certificate that we trust and that names " + (remote.empty() ? "its domain" : remote) +
                 ", or a rule with --tls-name or --dialback";
    std::string told;
    if (can_be_told) {
        im::Refusal refusal;
        refusal.partner = remote;
        refusal.local = local;
        refusal.condition = condition;
        refusal.why = text;
        refusal.remedy = remedy;
        told = note_refusal(*shard_, who, this->remote(), std::move(refusal));
    } else {
        shard_->refusal_log.refused(who, this->remote(), condition, text, remedy);
    }
    if (remote.empty()) return told;
    note(im::PartnerEvent::What::refused, local, remote,
         std::string(condition) + (text.empty() ? std::string() : ", " + std::string(text)));
    federation_.inbound_seen().refused(remote, has_rule(remote),
                                       {shard_->clock().wall(), this->remote().to_string(), std::string(condition),
                                        std::string(text.empty() ? remedy : text)});
    return told;
}

bool InStream::has_rule(const std::string& remote) const {
    return shard_->settings().policy.names(remote);
}

// Its certificate may be a proof by the domain's rule, and is one.
ProvenBy InStream::certificate_proves(const std::string& domain) const {
    const auto* tls = connection_->tls();
    if (!tls || !tls->peer) return ProvenBy::nothing;
    const auto rule = shard_->settings().policy.settings(domain);
    if (!rule.external_in) return ProvenBy::nothing;
    if (tls->peer->trusted && names_partner(*tls->peer, rule)) return ProvenBy::pkix;
    const auto published = published_.find(domain);
    return published == published_.end() ? ProvenBy::nothing : published->second.by;
}

// It has shown a certificate that no trusted CA has signed for this domain: the domain itself may vouch for it.
bool InStream::may_be_published(const std::string& domain) const {
    const auto& settings = shard_->settings();
    const auto* tls = connection_->tls();
    return (settings.dnssec || settings.posh_tls) && !settings.s2s_contexts.empty() && tls && tls->peer &&
           settings.policy.settings(domain).external_in && !domain.empty() && !published_.contains(domain) &&
           published_.size() < most_published && certificate_proves(domain) == ProvenBy::nothing;
}

void InStream::seek_proof(const std::string& domain, Function<void()> then) {
    wait();
    const auto& settings = shard_->settings();
    ProofSearch::Question question{shard_->node().network,
                                   shard_->executor(),
                                   *connection_,
                                   settings.s2s_contexts.begin()->second,
                                   domain,
                                   settings.dnssec,
                                   settings.posh_tls ? shard_->node().posh : nullptr};
    auto found = [this, weak = weak_from_this(), domain, then = std::move(then)](CertificateJudgement judgement) {
        const auto self = weak.lock();
        if (!self || closing()) return;
        const auto over = std::move(proof_search_);
        const bool refused = judgement.contradicted || !shard_->settings().policy.settings(domain).dialback;
        if (refused && !judgement.problem.empty())
            note_refused(local_, domain, "not-authorized", judgement.problem, false);
        published_[domain] = std::move(judgement);
        then();
        if (!closing() && !proof_search_) go_on();
    };
    proof_search_ = ProofSearch::start(std::move(question), std::move(found));
}

std::string InStream::why_unproven(const std::string& domain) const {
    const auto published = published_.find(domain);
    return published == published_.end() || published->second.problem.empty() ? "" : "; " + published->second.problem;
}

// For people: what its certificate lacks.
std::string InStream::why_no_proof(const std::string& domain) const {
    const auto* tls = connection_->tls();
    if (!tls) return "it has not started TLS";
    if (!tls->peer) return "it showed no certificate";
    if (!tls->peer->trusted) return "its certificate is not trusted: " + tls->peer->trust_error;
    if (!names_partner(*tls->peer, shard_->settings().policy.settings(domain)))
        return "its certificate names " + net::describe_names(*tls->peer) + ", and not " + domain;
    return "its certificate is no proof by our rule";
}

void InStream::send_features() {
    std::string out = "<stream:features>";
    const auto rule = shard_->settings().policy.settings(remote_);
    if (intake_) {
        // Proven by EXTERNAL: dialback may add more pairs.
        out += "<sm xmlns='urn:xmpp:sm:3'/>";
    } else if (!secured_ && rule.tls != im::TlsPolicy::off) {
        out += "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'>";
        if (rule.tls == im::TlsPolicy::required) out += "<required/>";
        out += "</starttls>";
    } else if (secured_ && !remote_.empty() && certificate_proves(remote_) != ProvenBy::nothing) {
        out += "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism></mechanisms>";
        if (both_ways_by(rule)) out += "<bidi xmlns='urn:xmpp:features:bidi'/>";
    }
    if (secured_ ? rule.dialback : rule.plain_dialback)
        out += "<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>";
    out += "<names xmlns='urn:parley:federation:0'/></stream:features>";
    send(out);
    // It may want to enable or resume stream management first: nothing that we send is counted before. What it has
    // taken of a broken stream it may have to settle until it can say where to go on.
    if (!both_ways_ || !by_certificate_) return;
    const bool may_resume = federation_.resumable(*shard_).awaited(local_, remote_);
    const auto patience = may_resume ? shard_->settings().limits.s2s_answer : offer_after;
    deadline_ = shard_->executor().after(patience, [this] { offer_to_link(); });
}

void InStream::on_element(xml::Element element) {
    if (element.is(xmpp::ns::stream, "error")) return;
    if (element.ns() == xmpp::ns::tls && element.name() == "starttls" && !secured_) {
        const auto& contexts = shard_->settings().s2s_contexts;
        auto context = shard_->settings().s2s_context(local_);
        if (!context && !contexts.empty()) context = contexts.begin()->second;
        if (!context) return close("host-gone");
        if (shard_->settings().policy.settings(remote_).tls ==
            im::TlsPolicy::off) {  // some ask though it is not offered
            send("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
            return finish();
        }
        send("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
        parser_.reset();  // what came behind it in the clear is dropped
        header_sent_ = false;
        starting_tls_ = true;
        using Role = net::Connection::TlsRole;
        const bool asks = shard_->settings().policy.settings(remote_).ask_certificate;
        return connection_->start_tls(std::move(context), asks ? Role::server : Role::server_that_asks_nothing);
    }
    if (element.ns() == xmpp::ns::sasl) return on_auth(element);
    if (element.is(xmpp::ns::dialback, "result")) return on_dialback_result(element);
    if (element.is(xmpp::ns::dialback, "verify")) return on_dialback_verify(element);
    if (element.is(ns_bidi, "bidi")) return want_both_ways();
    if (element.is(xmpp::ns::federation, "names")) return void(takes_names_ = true);
    if (!intake_) return close("not-authorized", "no domain has been proven on this stream");
    heard_at_ = shard_->clock().now();
    if (link_) link_->heard();
    if (element.ns() == xmpp::ns::sm) return on_management(element);
    if (element.ns() != xmpp::ns::server) return close("unsupported-stanza-type");
    if (!offered_) offer_to_link();
    intake_->on_stanza(std::move(element));
}

void InStream::on_secured() {
    starting_tls_ = false;
    secured_ = true;
}

// XEP-0178 3: the certificate says who it is; the authorization identity, if given, must say the same.
void InStream::on_auth(const xml::Element& element) {
    const auto fail = [&](std::string_view condition, std::string_view why) {
        const auto told = note_refused(local_, remote_, condition, why);
        xml::Element failure(xmpp::ns::sasl, "failure");
        failure.add(xml::Element(xmpp::ns::sasl, condition));
        failure.add(xml::Element(xmpp::ns::sasl, "text").with_text(told)).set("lang", "en", xmpp::ns::xml);
        send(failure, xmpp::ns::server);
    };
    if (by_certificate_) return close("policy-violation", "this stream has been authenticated");
    if (element.name() != "auth" || element.attribute("mechanism") != "EXTERNAL")
        return fail("invalid-mechanism", "the mechanism between servers is EXTERNAL");
    const auto data = xmpp::decode_sasl_data(element.text());
    if (!data) return fail("incorrect-encoding", "the authorization identity is not in base64");
    const auto authzid = data->value_or("");
    const auto claimed = authzid.empty() ? remote_ : domain_of(authzid);
    if (local_.empty()) return fail("not-authorized", "the stream header does not say to which domain it goes");
    if (claimed.empty() || claimed != remote_)
        return fail("not-authorized", "the authorization identity is not the domain in from of the stream header");
    if (certificate_proves(claimed) == ProvenBy::nothing)
        return fail("not-authorized", why_no_proof(claimed) + why_unproven(claimed));
    send("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    parser_.reset();
    header_sent_ = false;
    // After or during dialback it stays where it is: the answer to a question comes back to this shard.
    if (intake_ || questions_ > 0) return proven(local_, claimed, Intake::By::certificate);
    by_certificate_ = true;
    move_home([this] { proven(local_, remote_, Intake::By::certificate); });
}

bool InStream::still_proves(const std::string& remote, Intake::Proof& proof) const {
    const auto version = shard_->node().settings.version();
    if (proof.judged_by == version) return true;
    const auto rule = shard_->settings().policy.settings(remote);
    if (rule.tls == (secured_ ? im::TlsPolicy::off : im::TlsPolicy::required)) return false;
    const bool by_dialback = proof.by == Intake::By::dialback && (secured_ ? rule.dialback : rule.plain_dialback);
    if (!by_dialback && certificate_proves(remote) == ProvenBy::nothing) return false;
    if (both_ways_ && remote == remote_ && !both_ways_by(rule)) return false;
    proof.judged_by = version;
    return true;
}

void InStream::recheck() {
    if (!intake_ || closing()) return;
    const auto version = shard_->node().settings.version();
    if (std::exchange(rechecked_by_, version) == version) return;
    for (auto& [domains, proof] : intake_->pairs) {
        if (proof.judged_by == version) continue;
        auto why = federation_.why_refused(*shard_, domains.second);
        if (why.empty() && !still_proves(domains.second, proof))
            why = "the settings of " + domains.second + " have changed";
        if (!why.empty()) return refuse("policy-violation", why, domains.first, domains.second);
    }
}

void InStream::sweep() {
    recheck();
    keep_alive();
    XmlStream::sweep();
}

void InStream::proven(const std::string& local, const std::string& remote, Intake::By by) {
    if (!intake_) {
        deadline_.cancel();
        since_ = shard_->clock().wall();
        heard_at_ = shard_->clock().now();
        intake_ = std::make_shared<Intake>(federation_, *shard_, id_, *this);
    } else {
        forget_resumption();  // it is of one pair of domains
    }
    if (!intake_->pairs.contains({local, remote}))
        note(im::PartnerEvent::What::connected, local, remote,
             by == Intake::By::dialback ? "dialback" : "its certificate");
    intake_->add_pair(local, remote, by);
    const auto* tls = connection_->tls();
    federation_.inbound_seen().proven(remote, has_rule(remote),
                                      {shard_->clock().wall(), this->remote().to_string(),
                                       by == Intake::By::certificate ? "SASL EXTERNAL" : "dialback",
                                       tls ? tls->protocol + ' ' + tls->cipher : std::string()});
    xml::ParserLimits limits;
    limits.element = shard_->settings().limits.stanza_s2s;
    parser_.set_limits(limits);
}

void InStream::describe(const std::string& domain, im::PartnerOverview& out) const {
    if (!intake_) return;
    for (const auto& [pair, proof] : intake_->pairs) {
        const auto& [local, remote] = pair;
        if (remote != domain) continue;
        out.connections.push_back(describe_connection(connection_->remote(), connection_->tls(), since_));
        out.connections.back().local = local;
        out.connections.back().both_ways = both_ways_ && by_certificate_;
        const bool by_dialback = proof.by == Intake::By::dialback;
        if (secured_ || by_dialback)
            out.connections.back().proof = by_dialback ? "dialback" : word_for(certificate_proves(remote));
    }
}

// The partner ends the stream. When it has proven nothing until then, nobody has refused anything, and yet it came to
// nothing: worth to be known to who asks for its way to us.
void InStream::note_end() {
    if (intake_ || asked_ || remote_.empty()) return;
    federation_.inbound_seen().refused(remote_, has_rule(remote_),
                                       {shard_->clock().wall(), remote().to_string(), "closed",
                                        "it ended the stream before it had proven itself; " + why_no_proof(remote_)});
}

}  // namespace parley::server
