#include <algorithm>

#include "admin/config_schema.hpp"
#include "apps/parleyd/look/probe.hpp"
#include "apps/parleyd/look/way_in.hpp"
#include "net/identity.hpp"
#include "net/tls_context.hpp"
#include "server/s2s/out_stream.hpp"

namespace parley::look {
namespace {

using admin::Message;
using server::OutStream;

constexpr Millis negotiation_time{5'000};
constexpr Millis time_with_posh{7'000};  // PoshDocuments::patience is part of it

// Opens the very stream that a message would take, up to the moment at which stanzas may flow, and tries the port in
// another way where the service would.
class XmppProbe final : public Probe, OutStream::Owner {
public:
    XmppProbe(const Parts& parts, Question question, const server::Target& target, Function<void()> finished)
        : Probe(parts, std::move(question), target.host + ' ' + target.endpoint.to_string(), std::move(finished)),
          target_(target) {
        connect(target_.endpoint);
    }

private:
    using Fault = OutStream::Fault;

    void connected(std::unique_ptr<net::Connection> connection) override {
        const auto settings = parts_.settings();
        OutStream::Setup setup;
        setup.local = question_.from;
        setup.remote = question_.domain;
        setup.rule = question_.rule;
        if (without_external_) setup.rule.external_out = false;
        setup.secret = parts_.secret;
        setup.direct_tls = target_.direct_tls;
        setup.secure = target_.secure;
        setup.posh = parts_.posh;
        setup.tls = own_ = settings->s2s_context(question_.from);
        deadline_ = parts_.executor.after(setup.posh ? time_with_posh : negotiation_time, [this] { too_slow(); });
        OutStream::Owner& self = *this;
        stream_ = std::make_unique<OutStream>(std::move(setup), std::move(connection), self);
        stream_->start();
    }

    void too_slow() {
        // Known already: the peer takes its time to close the connection.
        if (stream_ && (other_kind_ || !stream_->reason().detail.empty())) return conclude(stream_->reason());
        const auto* dialback = stream_ ? &stream_->dialback() : nullptr;
        if (dialback && dialback->tried && !dialback->accepted && dialback->reason.empty()) {
            say("dialback", Verdict::problem, {"test.in-silent", {}}, Message{"fix.our-srv", {question_.from}});
            return finish();
        }
        const bool tls = stream_ && stream_->securing();
        say(tls ? "tls" : "stream", Verdict::problem,
            tls ? Message{"test.tls-silent", {}} : Message{"test.stream-silent", {}}, Message{"fix.their-port", {}});
        finish();
    }

    void on_askable() override { say_tls(); }
    void on_drained() override {}
    void on_element(xml::Element) override {}

    void on_ready() override {
        if (done()) return;
        result_.reached = result_.passed = true;
        result_.proven = {target_, stream_->stream_id(), stream_->dialback().accepted, stream_->dialback().offered};
        if (other_kind_)
            say("stream", Verdict::warning, {"test.other-kind", {target_.direct_tls ? "TLS" : "STARTTLS"}},
                Message{"fix.their-other-kind",
                        {(target_.direct_tls ? "_xmpps-server._tcp." : "_xmpp-server._tcp.") + question_.domain}});
        say_proofs(Verdict::warning);
        say("stream", Verdict::good, {"test.stream-ready", {std::string(stream_->proof())}});
        stream_->finish();
        finish();
    }

    void on_ended(const Error& error) override {
        if (done()) return;
        if (const auto other = stream_->another_way(target_, question_.rule, false)) return try_again(*other, error);
        conclude(error);
    }

    void conclude(const Error& error) {
        // The other kind of port was a guess: what counts is how the published one failed.
        if (other_kind_ && !stream_->opened())
            say_fault(first_fault_, first_error_);
        else
            say_fault(stream_->fault(), error);
        finish();
    }

    void try_again(const server::Target& other, const Error& error) {
        deadline_.cancel();
        first_fault_ = stream_->fault();
        first_error_ = error;
        other_kind_ = other.direct_tls != target_.direct_tls;
        without_external_ = !other_kind_;
        if (without_external_)
            say("external", Verdict::warning, {"test.external-refused", {stream_->external().reason}},
                Message{"fix.our-certificate", {question_.from}});
        target_ = other;
        parts_.executor.post([gone = std::shared_ptr<OutStream>(std::move(stream_))] {});
        connect(target_.endpoint);
    }

    void say_fault(Fault fault, const Error& error) {
        const auto& detail = error.detail;
        const Message ask_them{"fix.their-list", {question_.from, question_.from}};
        switch (fault) {
            case Fault::no_tls:
                return say("tls", Verdict::problem, {"test.tls-not-offered", {}}, Message{"fix.their-port", {}});
            case Fault::tls: return ours_is_unfit() ? say_ours_is_unfit(detail) : say_tls_fault(detail);
            case Fault::certificate:
                // Judged with the features; they have not come where the peer ends the stream before.
                return stream_->askable() ? void() : say_tls();
            case Fault::no_proof:
            case Fault::external:
            case Fault::dialback: return say_no_proof(fault, detail);
            case Fault::stream_error: {
                if (stream_->opened() && !said_tls_) say_tls();
                say_proofs(Verdict::note);
                const auto& condition = stream_->stream_error();
                if (condition == "host-unknown" || condition == "host-gone")
                    return say("stream", Verdict::problem, {"test.stream-unknown-host", {detail}},
                               Message{"fix.their-records", {question_.domain}});
                if (condition == "policy-violation" || condition == "not-authorized")
                    return say("stream", Verdict::problem, {"test.stream-policy", {detail}}, ask_them);
                return say("stream", Verdict::problem, {"test.stream-refused", {detail}}, ask_them);
            }
            case Fault::not_xmpp:
                return say("stream", Verdict::problem, {"test.not-xmpp", {detail}}, Message{"fix.their-port", {}});
            case Fault::connection:
            case Fault::none: break;
        }
        if (ours_is_unfit()) return say_ours_is_unfit(detail);
        // With TLS 1.3 our certificate is judged after the handshake.
        if (detail.find("TLS:") != std::string::npos) return say_tls_fault(detail);
        if (stream_->opened() && !said_tls_) say_tls();
        say("stream", Verdict::problem, {"test.stream-closed", {detail}}, Message{"fix.their-port", {}});
    }

    // It hangs up, or refuses us, when our certificate has been shown, and that is one that must not be shown so.
    bool ours_is_unfit() const {
        return own_ && !own_->for_clients() && (stream_->tls() != nullptr || stream_->securing());
    }
    void say_ours_is_unfit(const std::string& detail) {
        say("tls", Verdict::problem, {"test.ours-usage", {detail}}, Message{"fix.our-certificate", {question_.from}});
    }

    void say_tls_fault(const std::string& detail) {
        auto [what, fix] = tls_fault(detail, question_.from);
        say("tls", Verdict::problem, std::move(what), std::move(fix));
    }

    void say_no_proof(Fault fault, const std::string& detail) {
        const Message certificate{"fix.our-certificate", {question_.from}};
        const auto& external = stream_->external();
        // Without a proof the stream ends: each way that was refused is a reason.
        say_proofs(Verdict::problem);
        if (fault == Fault::no_proof && !external.tried)
            say("external", Verdict::problem, {"test.no-proof", {detail}}, certificate);
    }

    // How each way of proving who we are went. `refused`: what a refusal is, on this stream.
    void say_proofs(Verdict refused) {
        const auto& external = stream_->external();
        const auto& dialback = stream_->dialback();
        const auto& rule = question_.rule;
        const bool encrypted = stream_->tls() != nullptr;
        if (external.accepted)
            say("external", Verdict::good, {"test.external-accepted", {}});
        else if (external.tried)
            say("external", refused, {"test.external-refused", {external.reason}},
                Message{"fix.our-certificate", {question_.from}});
        else if (external.offered && !without_external_)
            say("external", Verdict::note, {"test.external-off", {}});
        else if (stream_->askable() && encrypted && !without_external_)
            say("external", Verdict::note, {"test.external-not-offered", {}});
        if (dialback.accepted)
            say("dialback", Verdict::good, {"test.dialback-accepted", {}});
        else if (!dialback.reason.empty())
            say("dialback", refused,
                why_unreachable(dialback.reason, !asked_here(parts_, question_.domain, stream_->stream_id()).empty())
                    .value_or(Message{"test.dialback-refused", {dialback.reason}}),
                Message{"fix.our-srv", {question_.from}});
        else if (dialback.offered)
            say("dialback", Verdict::note,
                (encrypted ? rule.dialback : rule.plain_dialback) ? Message{"test.dialback-unused", {}}
                                                                  : Message{"test.dialback-off", {}});
        else if (stream_->askable())
            say("dialback", Verdict::note, {"test.dialback-not-offered", {}});
    }

    // What is known of TLS and the certificate once both are done, or refused.
    void say_tls() {
        if (std::exchange(said_tls_, true)) return;
        const auto* tls = stream_->tls();
        if (tls == nullptr) {
            if (question_.rule.tls != im::TlsPolicy::required) say("tls", Verdict::note, {"test.tls-off", {}});
            return;
        }
        say("tls", Verdict::good, {"test.tls-done", {tls->protocol, tls->cipher}});
        const auto& rule = question_.rule;
        // OutStream::authenticate() has the rule: when another proof will do, the certificate may be anything.
        const bool needed = rule.trusted_certificate && rule.tls == im::TlsPolicy::required && !rule.dialback;
        const auto& judged = stream_->certificate();
        const bool refused = needed || (judged.contradicted && rule.trusted_certificate);
        const auto verdict = refused ? Verdict::problem : Verdict::warning;
        const auto now = parts_.executor.clock().wall();
        if (judged.by == server::ProvenBy::dane)
            return say("identity", Verdict::good, {"test.identity-dane", {target_.secure->host}});
        if (judged.by == server::ProvenBy::posh)
            return say("identity", Verdict::good, {"test.identity-posh", {question_.domain}});
        if (judged.contradicted) {
            say("identity", verdict, {"test.identity-tlsa", {judged.problem}}, Message{"fix.their-tlsa", {}});
        } else if (!tls->peer) {
            say("identity", verdict, {"test.identity-none", {}}, Message{"fix.their-certificate", {}});
        } else if (!tls->peer->trusted) {
            auto [what, fix] = trust_fault(*tls->peer, now);
            say("identity", verdict, std::move(what), std::move(fix));
        } else if (judged.by == server::ProvenBy::nothing) {
            const auto& names = tls->peer->dns_names;
            const auto host = std::find_if(names.begin(), names.end(), &admin::is_domain_name);
            say("identity", verdict, {"test.identity-name", {net::describe_names(*tls->peer), question_.domain}},
                host == names.end() ? Message{"fix.their-certificate", {}} : Message{"fix.tls-name", {*host}});
        } else {
            say("identity", Verdict::good, {"test.identity-good", {net::describe_names(*tls->peer)}});
            say("identity", Verdict::good, certificate_details(*tls->peer));
            if (const auto days = expires_soon(*tls->peer, now))
                say("identity", Verdict::warning, {"test.identity-expires", {std::to_string(*days)}},
                    Message{"fix.their-certificate", {}});
            return;
        }
        if (tls->peer) say("identity", Verdict::note, certificate_details(*tls->peer));
        if (!refused) say("identity", Verdict::note, {"test.identity-ignored", {}});
    }

    server::Target target_;
    std::shared_ptr<net::TlsContext> own_;
    std::unique_ptr<OutStream> stream_;
    bool other_kind_ = false, without_external_ = false, said_tls_ = false;
    Fault first_fault_ = Fault::none;
    Error first_error_{Errc::closed, {}};
};

}  // namespace

std::unique_ptr<Probe> probe_xmpp(const Parts& parts, Probe::Question question, const server::Target& target,
                                  Function<void()> finished) {
    return std::make_unique<XmppProbe>(parts, std::move(question), target, std::move(finished));
}

}  // namespace parley::look
