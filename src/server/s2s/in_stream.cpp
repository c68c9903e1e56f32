#include "server/s2s/in_stream.hpp"

#include "base/text.hpp"
#include "im/partner_presence.hpp"
#include "net/identity.hpp"
#include "server/s2s/dialback_key.hpp"
#include "server/s2s/overview.hpp"
#include "server/s2s/xmpp_federation.hpp"
#include "server/shard.hpp"
#include "xml/writer.hpp"
#include "xmpp/ns.hpp"
#include "xmpp/sasl/sasl_data.hpp"

namespace parley::server {

using xmpp::Stanza;

namespace {

constexpr int most_questions = 16;       // dialback questions at once on one stream
constexpr std::size_t most_pairs = 256;  // domain pairs on one stream
constexpr std::size_t most_held = 64;    // pings that wait for commits
constexpr std::size_t longest_name = 64;

xml::ParserLimits limits_before_proof(const Limits& limits) {
    xml::ParserLimits parser;
    parser.element = limits.stanza_before_auth;
    parser.depth = limits.depth_before_auth;
    return parser;
}

std::string domain_of(std::string_view attribute) {
    const auto jid = xmpp::Jid::parse(attribute);
    return jid && jid->is_domain() ? jid->domain() : std::string{};
}

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
    local_ = domain_of(root.attribute("to"));
    remote_ = domain_of(root.attribute("from"));
    // Some servers leave both out and name them with each dialback (XEP-0220 2.1.1).
    if (root.has_attribute("to") && (local_.empty() || !shard_->is_local(local_))) return close("host-unknown");
    const bool with_features = root.attribute("version").starts_with("1.");
    if (undecided(remote_)) return decide(remote_, [this, with_features] { answer_header(with_features); });
    answer_header(with_features);
}

void InStream::answer_header(bool with_features) {
    send_header();
    if (!remote_.empty() && !allowed(remote_)) return close("policy-violation", why_refused(remote_));
    if (with_features) send_features();
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
            if (!closing()) go_on();
        });
}

bool InStream::allowed(const std::string& remote) const {
    const auto& policy = shard_->settings().policy;
    if (!policy.xmpp_allowed(remote)) return false;
    return refused_release(remote).empty() || im::xmpp_profile_of(policy, remote).refused_release.empty();
}

std::string InStream::refused_release(const std::string& remote) const {
    return federation_.refused_releases().why(remote, shard_->clock().now());
}

std::string InStream::why_refused(const std::string& remote) const {
    if (auto release = refused_release(remote); !release.empty()) return release;
    const auto* rule = shard_->settings().policy.rule(remote);
    if (rule && rule->allowed && rule->transport == im::Transport::sip) return remote + " is reached over SIP here";
    return "exchange with " + remote + " is not allowed here";
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

void InStream::refusing(std::string_view condition, std::string_view text) {
    if (condition != "system-shutdown") log_refusal(remote_, condition, text);
}

void InStream::log_refusal(const std::string& remote, std::string_view condition, std::string_view text) {
    const auto who = remote.empty() ? std::string("a server that gives no domain") : "the server of " + remote;
    std::string remedy;
    if (!remote.empty() && !shard_->settings().policy.xmpp_allowed(remote))
        remedy = "To allow it: parleyctl federation allow " + remote + " --via xmpp";
    else if (condition == "not-authorized" && secured_)
        remedy = "It needs a certificate that we trust and that names " + (remote.empty() ? "its domain" : remote) +
                 ", or a rule with --dialback";
    shard_->refusals.refused(who, this->remote(), condition, text, remedy);
    if (!remote.empty())
        federation_.inbound_seen().refused(remote, has_rule(remote),
                                           {shard_->clock().wall(), this->remote().to_string(), std::string(condition),
                                            std::string(text.empty() ? remedy : text)});
}

bool InStream::has_rule(const std::string& remote) const {
    return shard_->settings().policy.rule(remote) != nullptr;
}

// Its certificate may be a proof by the domain's rule, and is one.
bool InStream::certificate_proves(const std::string& domain) const {
    const auto* tls = connection_->tls();
    return shard_->settings().policy.settings(domain).external_in && tls && tls->peer && tls->peer->trusted &&
           net::names_xmpp_domain(*tls->peer, domain);
}

// For people: what its certificate lacks.
std::string InStream::why_no_proof(const std::string& domain) const {
    const auto* tls = connection_->tls();
    if (!tls) return "it has not started TLS";
    if (!tls->peer) return "it showed no certificate";
    if (!tls->peer->trusted) return "its certificate is not trusted: " + tls->peer->trust_error;
    if (!net::names_xmpp_domain(*tls->peer, domain))
        return "its certificate names " + net::describe_names(*tls->peer) + ", and not " + domain;
    return "its certificate is no proof by our rule";
}

void InStream::send_features() {
    std::string out = "<stream:features>";
    const auto rule = shard_->settings().policy.settings(remote_);
    if (!proven_.empty()) {
        // Proven by EXTERNAL: dialback may add more pairs.
        out += "<sm xmlns='urn:xmpp:sm:3'/>";
    } else if (!secured_ && rule.tls != im::TlsPolicy::off) {
        out += "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'>";
        if (rule.tls == im::TlsPolicy::required) out += "<required/>";
        out += "</starttls>";
    } else if (secured_ && !remote_.empty() && certificate_proves(remote_)) {
        out += "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism></mechanisms>";
    }
    if (secured_ ? rule.dialback : rule.plain_dialback)
        out += "<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>";
    out += "<names xmlns='urn:parley:federation:0'/></stream:features>";
    send(out);
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
    if (proven_.empty()) return close("not-authorized", "no domain has been proven on this stream");
    if (element.ns() == xmpp::ns::sm) return on_management(element);
    if (element.ns() != xmpp::ns::server) return close("unsupported-stanza-type");
    on_stanza(std::move(element));
}

void InStream::on_secured() {
    starting_tls_ = false;
    secured_ = true;
}

// XEP-0178 3: the certificate says who it is; the authorization identity, if given, must say the same.
void InStream::on_auth(const xml::Element& element) {
    const auto fail = [&](std::string_view condition) {
        log_refusal(remote_, condition, why_no_proof(remote_));
        send(xml::Element(xmpp::ns::sasl, "failure").set_child(xml::Element(xmpp::ns::sasl, condition)),
             xmpp::ns::server);
    };
    if (element.name() != "auth" || element.attribute("mechanism") != "EXTERNAL") return fail("invalid-mechanism");
    const auto data = xmpp::decode_sasl_data(element.text());
    if (!data) return fail("incorrect-encoding");
    const auto authzid = data->value_or("");
    const auto claimed = authzid.empty() ? remote_ : domain_of(authzid);
    if (claimed.empty() || claimed != remote_ || !certificate_proves(claimed) || local_.empty())
        return fail("not-authorized");
    proven(local_, claimed, By::certificate);
    send("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    parser_.reset();
    header_sent_ = false;
}

// A rule may change while a stream is open: what it was proven by, or its TLS, may be none of the new one's.
bool InStream::still_proves(const std::string& remote, Proof& proof) const {
    const auto version = shard_->node().settings.version();
    if (proof.judged_by == version) return true;
    const auto rule = shard_->settings().policy.settings(remote);
    if (rule.tls == (secured_ ? im::TlsPolicy::off : im::TlsPolicy::required)) return false;
    const bool by_dialback = proof.by == By::dialback && (secured_ ? rule.dialback : rule.plain_dialback);
    if (!by_dialback && !certificate_proves(remote)) return false;
    proof.judged_by = version;
    return true;
}

void InStream::sweep() {
    for (auto& [domains, proof] : proven_)
        if (!closing() && !still_proves(domains.second, proof))
            return close("policy-violation", "the settings of " + domains.second + " have changed");
    XmlStream::sweep();
}

void InStream::proven(const std::string& local, const std::string& remote, By by) {
    if (proven_.empty()) since_ = shard_->clock().wall();
    proven_.emplace(std::pair(local, remote),
                    Proof{federation_.rate_of(remote), by, shard_->node().settings.version()});
    const auto* tls = connection_->tls();
    federation_.inbound_seen().proven(
        remote, has_rule(remote),
        {shard_->clock().wall(), this->remote().to_string(), by == By::certificate ? "SASL EXTERNAL" : "dialback",
         tls ? tls->protocol + ' ' + tls->cipher : std::string()});
    deadline_.cancel();
    xml::ParserLimits limits;
    limits.element = shard_->settings().limits.stanza_s2s;
    parser_.set_limits(limits);
}

void InStream::dialback_error(const std::string& local, const std::string& remote, std::string_view condition,
                              std::string_view text) {
    log_refusal(remote, condition, text);
    std::string out = "<db:result type='error'";
    xml::write_attribute(out, "from", local);
    xml::write_attribute(out, "to", remote);
    out += "><error type='cancel'><";
    out += condition;
    out += " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>";
    xml::escape(out, text);
    out += "</text></error></db:result>";
    send(out);
}

// XEP-0220 2.1: a peer shows a key; we ask the domain's own server whether it made it.
void InStream::on_dialback_result(const xml::Element& element) {
    const auto remote = domain_of(element.attribute("from"));
    const auto local = domain_of(element.attribute("to"));
    if (remote.empty()) return close("improper-addressing");
    if (local.empty() || !shard_->is_local(local))
        return dialback_error(local, remote, "item-not-found", "this domain is not served here");
    if (undecided(remote)) return decide(remote, [this, element] { judge_dialback(element); });
    judge_dialback(element);
}

void InStream::judge_dialback(const xml::Element& element) {
    const auto remote = domain_of(element.attribute("from"));
    const auto local = domain_of(element.attribute("to"));
    const auto& policy = shard_->settings().policy;
    const auto rule = policy.settings(remote);
    if (!allowed(remote)) return dialback_error(local, remote, "policy-violation", why_refused(remote));
    if (!secured_ && rule.tls == im::TlsPolicy::required)
        return dialback_error(local, remote, "policy-violation", "TLS is required of " + remote);
    if (secured_ ? !rule.dialback : !rule.plain_dialback) {
        // A trusted certificate proves more than dialback would.
        if (!certificate_proves(remote))
            return dialback_error(local, remote, "not-authorized",
                                  "dialback is not allowed for " + remote + ", and " + why_no_proof(remote));
        proven(local, remote, By::certificate);
        return send("<db:result from='" + local + "' to='" + remote + "' type='valid'/>");
    }
    if (proven_.size() >= most_pairs || questions_ >= most_questions)
        return dialback_error(local, remote, "resource-constraint", "too many domains on this stream");
    ++questions_;
    auto answered = [weak = weak_from_this(), local, remote](Link::Verdict verdict) {
        const auto self = weak.lock();
        if (!self || self->closing()) return;
        --self->questions_;
        if (verdict == Link::Verdict::unknown)
            return self->dialback_error(local, remote, "remote-server-timeout",
                                        "the server of " + remote + " could not be asked");
        if (verdict == Link::Verdict::valid)
            self->proven(local, remote, By::dialback);
        else
            self->log_refusal(remote, "not-authorized", "its dialback key is not that of the domain's own server");
        self->send("<db:result from='" + local + "' to='" + remote + "' type='" +
                   (verdict == Link::Verdict::valid ? "valid" : "invalid") + "'/>");
    };
    federation_.verify(*shard_, local, remote, id_, element.text(), std::move(answered));
}

// XEP-0220 2.2.2: somebody asks whether a key is ours.
void InStream::on_dialback_verify(const xml::Element& element) {
    const auto asking = domain_of(element.attribute("from"));
    const auto ours = domain_of(element.attribute("to"));
    const std::string id(element.attribute("id"));
    if (asking.empty() || ours.empty() || !shard_->is_local(ours)) return close("host-unknown");
    asked_ = true;
    const bool valid = dialback_key(shard_->node().secret, asking, ours, id) == trim(element.text());
    federation_.inbound_seen().asked(asking, has_rule(asking),
                                     {shard_->clock().wall(), this->remote().to_string(), id, valid});
    std::string out = "<db:verify";
    xml::write_attribute(out, "from", ours);
    xml::write_attribute(out, "to", asking);
    xml::write_attribute(out, "id", id);
    out += valid ? " type='valid'/>" : " type='invalid'/>";
    send(out);
}

// XEP-0198 without resumption: a partner sends again what we have not confirmed, and we know it again.
void InStream::on_management(const xml::Element& element) {
    if (element.name() == "enable" && !managed_from_) {
        managed_from_ = inbound_.received();
        send("<enabled xmlns='urn:xmpp:sm:3'/>");
    } else if (element.name() == "r" && managed_from_) {
        inbound_.request();
        acknowledge();
    } else if (element.name() != "a") {
        send(
            "<failed xmlns='urn:xmpp:sm:3'><unexpected-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>");
    }
}

void InStream::acknowledge() {
    if (!managed_from_ || closing()) return;
    if (const auto h = inbound_.due())
        send("<a xmlns='urn:xmpp:sm:3' h='" + std::to_string(*h - *managed_from_) + "'/>");
}

void InStream::on_stanza(xml::Element element) {
    auto decoded = Stanza::decode(std::move(element));
    if (!decoded) return close("improper-addressing", decoded.error().detail);
    auto stanza = *std::move(decoded);
    if (stanza.from.empty() || stanza.to.empty()) return close("improper-addressing");
    const auto pair = proven_.find({stanza.to.domain(), stanza.from.domain()});
    if (pair == proven_.end()) return close(shard_->is_local(stanza.to.domain()) ? "invalid-from" : "host-unknown");
    if (!allowed(stanza.from.domain()))  // the rule may have changed since the stream began
        return close("policy-violation", why_refused(stanza.from.domain()));

    if (!still_proves(stanza.from.domain(), pair->second)) {
        if (stanza.kind == Stanza::Kind::message && !stanza.is_error())
            shard_->send(
                stanza.error(xmpp::stanza_error("policy-violation", "the settings of your domain have changed")));
        return close("policy-violation", "the settings of " + stanza.from.domain() + " have changed");
    }

    keep_pace(*pair->second.rate);

    const auto number = inbound_.begin();
    const bool handed_over = stanza.kind == Stanza::Kind::message ||
                             (stanza.kind == Stanza::Kind::presence && !stanza.type.empty() &&
                              stanza.type != "unavailable" && stanza.type != "probe" && stanza.type != "error");
    if (!handed_over) {
        take(std::move(stanza));
        return settle(number);
    }
    auto origin = take_name(stanza);
    const bool named = !origin.empty();
    if (!named) origin = id_ + ' ' + std::to_string(number);
    auto envelope = im::envelope(std::move(stanza));
    envelope.durable = true;
    envelope.origin = std::move(origin);
    envelope.kept_by_sender = named;
    const auto sent = envelope.stanza;
    auto* shard = shard_;
    shard_->route(std::move(envelope), [weak = weak_from_this(), shard, sent, number](im::Outcome refused) {
        if (refused && !sent->is_error()) {
            auto error = im::envelope(sent->error(*refused));
            error.durable = true;
            shard->route(std::move(error), [](im::Outcome) {});
        }
        if (const auto self = weak.lock()) self->settle(number);
    });
}

// What needs no commit: presence, and what is asked of the server or of a user.
void InStream::take(Stanza stanza) {
    if (stanza.kind == Stanza::Kind::presence)
        im::mark_arrived(im::xmpp_profile_of(shard_->settings().policy, stanza.from.domain()), stanza);
    if (stanza.kind != Stanza::Kind::iq || !stanza.to.is_domain()) return shard_->send(std::move(stanza));
    if (!stanza.is_request()) return federation_.on_answer(std::move(stanza));
    if (!stanza.child(xmpp::ns::ping, "ping")) return shard_->send(std::move(stanza));
    // A partner may take our answer as the proof that what it sent before has arrived: so it has, on disk.
    if (held_.size() >= most_held) return close("policy-violation", "too many pings at once");
    held_.push_back(
        {inbound_.received(), [this, answer = stanza.reply()]() mutable { shard_->send(std::move(answer)); }});
}

// Over its rate a partner is read more slowly; nothing of it is refused.
void InStream::keep_pace(SharedRate& rate) {
    if (remote().is_loopback()) return;
    const auto pause = rate.take(shard_->settings().limits.s2s_stanzas_per_second, shard_->clock().now());
    if (pause <= Millis{0}) return;
    shard_->counters.limit_hits.fetch_add(1, std::memory_order_relaxed);
    wait();
    pause_ = shard_->executor().after(pause, [this] {
        pause_.cancel();
        go_on();
    });
}

// A partner that missed our proof sends the message again on its next stream, under its old name
// (docs/federation-names.md). A message without a name is always a new one: who gives none repeats nothing.
std::string InStream::take_name(Stanza& stanza) {
    if (stanza.kind != Stanza::Kind::message) return {};
    std::string name;
    std::erase_if(stanza.children, [&name](const xml::Element& child) {
        if (!child.is(xmpp::ns::federation, "name")) return false;
        name = child.attribute("id");  // the last: one that a client has put in stands before the server's
        return true;
    });
    if (name.empty() || name.size() > longest_name) return {};
    return stanza.from.bare().to_string() + ' ' + name;
}

void InStream::describe(const std::string& domain, im::PartnerOverview& out) const {
    for (const auto& [pair, proof] : proven_) {
        const auto& [local, remote] = pair;
        if (remote != domain) continue;
        out.connections.push_back(describe_connection(connection_->remote(), connection_->tls(), since_));
        out.connections.back().local = local;
    }
}

void InStream::settle(std::uint32_t number) {
    inbound_.settle(number);
    while (!held_.empty() && static_cast<std::int32_t>(inbound_.settled() - held_.front().after) >= 0) {
        held_.front().answer();
        held_.pop_front();
    }
    acknowledge();
}

// The partner ends the stream. When it has proven nothing until then, nobody has refused anything, and yet it came to
// nothing: worth to be known to who asks for its way to us.
void InStream::note_end() {
    if (!proven_.empty() || asked_ || remote_.empty()) return;
    federation_.inbound_seen().refused(remote_, has_rule(remote_),
                                       {shard_->clock().wall(), remote().to_string(), "closed",
                                        "it ended the stream before it had proven itself; " + why_no_proof(remote_)});
}

void InStream::on_stream_end() {
    note_end();
    finish();
}

void InStream::on_closed(const Error&) {
    deadline_.cancel();
    pause_.cancel();
    if (!closing()) note_end();
    federation_.stream_closed(*shard_, *this);
}

}  // namespace parley::server
