#include "server/s2s/out_stream.hpp"

#include <algorithm>
#include <array>

#include "base/printable.hpp"
#include "net/identity.hpp"
#include "server/s2s/both_ways.hpp"
#include "server/s2s/dialback_key.hpp"
#include "server/s2s/posh.hpp"
#include "xml/writer.hpp"
#include "xmpp/ns.hpp"
#include "xmpp/sasl/sasl_data.hpp"

namespace parley::server {
namespace {

constexpr Millis end_patience{5'000};       // for the peer to end the stream after us
constexpr Millis features_patience{3'000};  // for a peer that announces features; some never send any

xml::ParserLimits limits_s2s() {
    xml::ParserLimits limits;
    limits.element = Limits{}.stanza_s2s;
    return limits;
}

// The condition of an error, with its text if there is one (`ns` is the namespace of both), for people.
std::string describe(const xml::Element& error, std::string_view ns) {
    const auto* condition = error.first_child();
    std::string out = condition ? condition->name() : "no reason given";
    if (const auto* text = error.child(ns, "text")) out += ": " + printable(text->text());
    return out;
}

// RFC 6120 4.9.3: ends that say nothing against us.
bool may_pass(const xml::Element& error) {
    constexpr std::array conditions{"system-shutdown",       "connection-timeout", "reset",
                                    "internal-server-error", "conflict",           "resource-constraint"};
    const auto* condition = error.first_child();
    return condition && std::find(conditions.begin(), conditions.end(), condition->name()) != conditions.end();
}

}  // namespace

OutStream::OutStream(Setup setup, std::unique_ptr<net::Connection> connection, Owner& owner)
    : XmlStream(std::move(connection), limits_s2s(), setup.outbound_soft), setup_(std::move(setup)), owner_(owner) {}

void OutStream::start() {
    if (setup_.direct_tls) {
        starting_tls_ = true;
        connection_->start_tls(setup_.tls, net::Connection::TlsRole::client, setup_.remote);
        connection_->set_handler(this);
    } else {
        connection_->set_handler(this);
        send_header();
    }
}

void OutStream::send_header() {
    header_sent_ = true;
    std::string out =
        "<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "
        "xmlns:db='jabber:server:dialback' version='1.0'";
    xml::write_attribute(out, "from", setup_.local);
    xml::write_attribute(out, "to", setup_.remote);
    out += '>';
    send(out);
}

// A server of another kind greets in its own words, or in TLS; the parser would wait for the end of a tag.
void OutStream::on_bytes(std::string_view bytes) {
    constexpr std::string_view may_begin{"< \t\r\n\xEF"};  // the last begins a byte order mark
    if (!std::exchange(heard_, true) && may_begin.find(bytes.front()) == std::string_view::npos)
        return fail(Fault::not_xmpp, Errc::malformed, setup_.remote + " does not speak XMPP");
    XmlStream::on_bytes(bytes);
}

void OutStream::on_header(const xml::Element& root) {
    if (!root.is(xmpp::ns::stream, "stream"))
        return fail(Fault::not_xmpp, Errc::malformed, "the peer does not speak XMPP");
    stream_id_ = root.attribute("id");
    // XEP-0220 2.1.1: an old peer sends no features; dialback is all it knows.
    if (!root.attribute("version").starts_with("1.")) return authenticate(nullptr);
    if (!authenticated_) wait_for_features();
}

bool OutStream::dialback_would_do() const {
    const auto& rule = setup_.rule;
    return connection_->tls() ? rule.dialback : rule.plain_dialback && rule.tls != im::TlsPolicy::required;
}

// COMPAT(GoogleTalk): some announce version 1.0 and send no features. Where dialback would do, it is tried without
// them.
void OutStream::wait_for_features() {
    if (!dialback_would_do()) return;
    features_timer_ = connection_->executor().after(features_patience, [this] {
        features_timer_.cancel();
        if (!closing() && !askable_ && !starting_tls_) authenticate(nullptr);
    });
}

void OutStream::on_element(xml::Element element) {
    if (element.is(xmpp::ns::stream, "features")) return on_features(element);
    if (element.is(xmpp::ns::stream, "error")) {
        orderly_ = true;
        fault_ = Fault::stream_error;
        if (const auto* condition = element.first_child()) stream_error_ = condition->name();
        reason_ = {may_pass(element) ? Errc::closed : Errc::forbidden,
                   setup_.remote + " ended the stream: " + describe(element, xmpp::ns::streams)};
        return;
    }
    if (element.is(xmpp::ns::tls, "proceed")) {
        parser_.reset();
        header_sent_ = false;
        starting_tls_ = true;
        return connection_->start_tls(setup_.tls, net::Connection::TlsRole::client, setup_.remote);
    }
    if (element.is(xmpp::ns::tls, "failure"))
        return fail(Fault::tls, Errc::closed, setup_.remote + " refused to start TLS");
    if (element.is(xmpp::ns::sasl, "success")) {
        authenticated_ = external_.accepted = true;
        parser_.reset();
        return send_header();
    }
    if (element.is(xmpp::ns::sasl, "failure")) {
        external_.reason = describe(element, xmpp::ns::sasl);
        our_certificate_problem_ = setup_.remote + " does not accept our certificate (" + external_.reason + ")";
        return dial_back();
    }
    if (element.is(xmpp::ns::dialback, "result") && !ready_) {
        if (element.attribute("type") == "valid") {
            ready_ = dialback_.accepted = true;
            proof_ = "dialback";
            return owner_.on_ready();
        }
        // XEP-0220 2.4: an error says why the key could not be judged; "invalid" is a judgement, and says no more.
        const auto* error = element.child(xmpp::ns::server, "error");
        dialback_.reason = error ? describe(*error, xmpp::ns::stanzas) : std::string(element.attribute("type"));
        return fail(Fault::dialback, Errc::forbidden,
                    setup_.remote + " did not accept our dialback key for " + setup_.local + " (" + dialback_.reason +
                        ")" + (our_certificate_problem_.empty() ? "" : "; before that, " + our_certificate_problem_));
    }
    owner_.on_element(std::move(element));
}

void OutStream::on_features(const xml::Element& features) {
    features_timer_.cancel();
    if (askable_ && !authenticated_) return;  // too late: dialback has begun without them
    takes_names_ = features.child(xmpp::ns::federation, "names") != nullptr;
    if (authenticated_) {
        ready_ = true;
        offers_management_ = features.child(xmpp::ns::sm, "sm") != nullptr;
        proof_ = "SASL EXTERNAL";
        return owner_.on_ready();
    }
    both_ways_offered_ = features.child(ns_bidi_feature, "bidi") != nullptr;
    const bool offered = features.child(xmpp::ns::tls, "starttls") != nullptr;
    if (!connection_->tls() && offered && setup_.rule.tls != im::TlsPolicy::off && setup_.tls)
        return send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    authenticate(&features);
}

// No other proof of the peer will do.
bool OutStream::certificate_is_needed() const {
    const auto& rule = setup_.rule;
    return rule.trusted_certificate && rule.tls == im::TlsPolicy::required && !rule.dialback;
}

// The link is as safe as the domain's settings ask, or it ends here. Then we show who we are.
void OutStream::authenticate(const xml::Element* features) {
    const bool has_tlsa = setup_.secure && !setup_.secure->tlsa.empty();
    if (!connection_->tls() && setup_.rule.tls == im::TlsPolicy::required)
        return fail(Fault::no_tls, Errc::forbidden,
                    setup_.remote + " offers no TLS, and the settings of this domain require it");
    if (!connection_->tls() && has_tlsa)  // RFC 7673 3.4
        return fail(Fault::no_tls, Errc::forbidden,
                    setup_.remote + " offers no TLS, and its DNS says that it has it (" +
                        net::tlsa_name(setup_.secure->host, setup_.secure->port) + " TLSA)");
    const auto* mechanisms = features ? features->child(xmpp::ns::sasl, "mechanisms") : nullptr;
    if (mechanisms)
        for (const auto* mechanism : mechanisms->children())
            external_.offered = external_.offered || mechanism->text() == "EXTERNAL";
    dialback_.offered = !features || features->child(xmpp::ns::dialback_feature, "dialback");
    judge_peer();
}

void OutStream::judge_peer() {
    if (connection_->tls())
        certificate_ = judge_certificate(*connection_, *setup_.tls, setup_.rule, setup_.secure.get());
    const bool doubtful = certificate_.by == ProvenBy::nothing && !certificate_.contradicted;
    if (!doubtful || !setup_.posh || !certificate_is_needed()) return peer_judged();
    wait();
    setup_.posh->find(connection_->executor(), setup_.remote,
                      [this, alive = std::weak_ptr(alive_)](const Result<PoshDocuments::Document>& document) {
                          if (alive.expired() || closing()) return;
                          certificate_ = judge_by_posh(*connection_, setup_.remote, document, certificate_);
                          peer_judged();
                          if (!closing()) go_on();
                      });
}

void OutStream::peer_judged() {
    if (certificate_.by == ProvenBy::nothing && setup_.rule.trusted_certificate &&
        (certificate_is_needed() || certificate_.contradicted))
        return fail(Fault::certificate, Errc::forbidden, certificate_.problem);
    // Before our own key is judged: the peer may want its key judged first, and each would wait for the other.
    askable_ = true;
    owner_.on_askable();
    if (!setup_.verify_only) prove();
}

void OutStream::want_stanzas() {
    if (!setup_.verify_only) return;
    setup_.verify_only = false;
    if (askable_) prove();
}

void OutStream::prove() {
    if (!external_.offered || !setup_.rule.external_out || std::exchange(external_.tried, true)) return dial_back();
    ask_for_both_ways();
    send(xml::Element(xmpp::ns::sasl, "auth")
             .set("mechanism", "EXTERNAL")
             .with_text(xmpp::external_initial_response(setup_.local)),
         xmpp::ns::server);
}

// Before we prove who we are (XEP-0288 2.2). What the peer will send counts as its domain's: its certificate says so.
// Its features say that it knows names of messages; it learns the same of us here.
void OutStream::ask_for_both_ways() {
    if (!setup_.both_ways || !both_ways_offered_ || certificate_.by == ProvenBy::nothing) return;
    both_ways_ = true;
    expect_both_ways();
    send("<bidi xmlns='urn:xmpp:bidi'/>");
    if (takes_names_) send("<names xmlns='urn:parley:federation:0'/>");
}

void OutStream::dial_back() {
    const auto& rule = setup_.rule;
    const bool encrypted = connection_->tls() != nullptr;
    if (encrypted ? !rule.dialback : !rule.plain_dialback) {
        const auto& problem = our_certificate_problem_.empty() ? certificate_.problem : our_certificate_problem_;
        auto why =
            problem.empty() ? setup_.remote + " does not offer to check our certificate (SASL EXTERNAL)" : problem;
        return fail(
            Fault::no_proof, Errc::forbidden,
            why + "; dialback" + (encrypted ? "" : " without TLS") + " is not allowed by the settings of this domain");
    }
    xml::Element result(xmpp::ns::dialback, "result");
    result.set("from", setup_.local).set("to", setup_.remote);
    result.add_text(dialback_key(setup_.secret, setup_.remote, setup_.local, stream_id_));
    dialback_.tried = true;
    std::string text =
        "<db:result from='" + setup_.local + "' to='" + setup_.remote + "'>" + result.text() + "</db:result>";
    send(text);
}

void OutStream::fail(Fault fault, Errc code, std::string detail) {
    fault_ = fault;
    reason_ = {code, std::move(detail)};
    finish();
}

// What came is no XML, or not such as we take: our own stream error would be all that is left of it.
std::string OutStream::refusing(std::string_view condition, std::string_view text) {
    if (!opened() && reason_.detail.empty() && condition != "connection-timeout") {
        fault_ = Fault::not_xmpp;
        reason_ = {Errc::malformed,
                   setup_.remote + " does not speak XMPP: " + std::string(text.empty() ? condition : text)};
    }
    return std::string(text);
}

// COMPAT(ejabberd and others): the stream ends with the refusal, and the reason must not be lost with it.
void OutStream::note_refused_certificate() {
    if (ready_ || external_.reason.empty() || fault_ == Fault::no_proof || fault_ == Fault::dialback) return;
    fault_ = Fault::external;
    reason_ = {Errc::forbidden, our_certificate_problem_ +
                                    (reason_.detail.empty() ? " and closed the stream" : "; then " + reason_.detail)};
}

void OutStream::wind_down() {
    if (ending()) return;
    winding_down_ = true;
    if (!both_ways_) return finish();
    say_end();
    end_timer_ = connection_->executor().after(end_patience, [this] { finish(); });
}

void OutStream::give_up() {
    fault_ = Fault::connection;
    reason_ = {Errc::timed_out, setup_.remote + " has stopped answering"};
    abort();
}

std::optional<Target> OutStream::another_way(const Target& target, const im::DomainRule& rule, bool timed_out) const {
    // One that waits for more of our TLS than it understands may be such a port; one that says nothing else is slow.
    if (target.second_try || (timed_out && fault_ != Fault::tls)) return std::nullopt;
    auto other = target;
    other.second_try = true;
    if (fault_ == Fault::external && rule.dialback) return other;
    const bool unlike = fault_ == Fault::tls || fault_ == Fault::not_xmpp || fault_ == Fault::connection;
    if (!unlike || opened() || rule.tls == im::TlsPolicy::off || !rule.direct_tls) return std::nullopt;
    other.direct_tls = !other.direct_tls;
    return other;
}

void OutStream::on_stream_end() {
    orderly_ = true;
    note_refused_certificate();
    if (reason_.detail.empty() && !winding_down_) {
        fault_ = Fault::connection;
        reason_.detail = setup_.remote + " closed the stream";
    }
    finish();
}

void OutStream::on_secured() {
    starting_tls_ = false;
    send_header();
}

void OutStream::on_drained() {
    XmlStream::on_drained();
    if (ready_ && !closing()) owner_.on_drained();
}

void OutStream::on_closed(const Error& why) {
    note_refused_certificate();
    if (reason_.detail.empty() && !winding_down_) {
        fault_ = starting_tls_ ? Fault::tls : Fault::connection;
        reason_.code = why.code;
        reason_.detail = (starting_tls_ ? "TLS with " : "the connection to ") + setup_.remote + " (" +
                         connection_->remote().to_string() + ") failed: " + why.detail;
    }
    owner_.on_ended(reason_);
}

}  // namespace parley::server
