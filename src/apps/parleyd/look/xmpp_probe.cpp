#include "apps/parleyd/look/probe.hpp"
#include "net/identity.hpp"
#include "server/s2s/out_stream.hpp"

namespace parley::look {
namespace {

using admin::Message;
using server::OutStream;

constexpr Millis negotiation_time{5'000};
constexpr Millis time_with_posh{7'000};  // PoshDocuments::patience is part of it

// Opens the very stream that a message would take, up to the moment at which stanzas may flow.
class XmppProbe final : public Probe, OutStream::Owner {
public:
    XmppProbe(const Parts& parts, Question question, const server::Target& target, Function<void()> finished)
        : Probe(parts, std::move(question), target.host + ' ' + target.endpoint.to_string(), std::move(finished)),
          target_(target) {
        connect(target_.endpoint);
    }

private:
    void connected(std::unique_ptr<net::Connection> connection) override {
        const auto settings = parts_.settings();
        OutStream::Setup setup;
        setup.local = question_.from;
        setup.remote = question_.domain;
        setup.rule = question_.rule;
        setup.secret = parts_.secret;
        setup.direct_tls = target_.direct_tls;
        setup.secure = target_.secure;
        setup.posh = parts_.posh;
        const auto own = settings->s2s_contexts.find(question_.from);
        if (own != settings->s2s_contexts.end()) setup.tls = own->second;
        within(setup.posh ? time_with_posh : negotiation_time, "stream", {"test.stream-silent", {}},
               Message{"fix.their-port", {}});
        OutStream::Owner& self = *this;
        stream_ = std::make_unique<OutStream>(std::move(setup), std::move(connection), self);
        stream_->start();
    }

    void on_askable() override {
        result_.reached = true;
        say_tls();
    }
    void on_drained() override {}
    void on_element(xml::Element) override {}

    void on_ready() override {
        if (done()) return;
        result_.reached = result_.passed = true;
        say("stream", Verdict::good, {"test.stream-ready", {std::string(stream_->proof())}});
        stream_->finish();
        finish();
    }

    void on_ended(const Error& error) override {
        if (done()) return;
        using Fault = OutStream::Fault;
        const auto fault = stream_->fault();
        if (fault != Fault::tls && fault != Fault::not_xmpp && stream_->opened() && !result_.reached) say_tls();
        const std::vector<std::string> detail{error.detail};
        switch (fault) {
            case Fault::no_tls:
                say("tls", Verdict::problem, {"test.tls-not-offered", {}}, Message{"fix.their-port", {}});
                break;
            case Fault::tls: {
                auto [what, fix] = tls_fault(error.detail, question_.from);
                say("tls", Verdict::problem, std::move(what), std::move(fix));
                break;
            }
            case Fault::certificate: break;  // say_tls() has said it
            case Fault::no_proof:
            case Fault::external:
                say("stream", Verdict::problem, {"test.no-proof", detail},
                    Message{"fix.our-certificate", {question_.from}});
                break;
            case Fault::dialback:
                say("stream", Verdict::problem, {"test.dialback-refused", detail},
                    Message{"fix.our-srv", {question_.from}});
                break;
            case Fault::stream_error:
                say("stream", Verdict::problem, {"test.stream-refused", detail},
                    Message{"fix.their-list", {question_.from, question_.from}});
                break;
            case Fault::not_xmpp:
            case Fault::connection:
            case Fault::none:
                say("stream", Verdict::problem, {"test.stream-closed", detail}, Message{"fix.their-port", {}});
                break;
        }
        finish();
    }

    // What is known of TLS and the certificate once both are done, or refused.
    void say_tls() {
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
        const auto verdict = refused ? Verdict::problem : Verdict::note;
        if (judged.by == server::ProvenBy::dane)
            return say("identity", Verdict::good, {"test.identity-dane", {target_.secure->host}});
        if (judged.by == server::ProvenBy::posh)
            return say("identity", Verdict::good, {"test.identity-posh", {question_.domain}});
        if (judged.contradicted) {
            say("identity", verdict, {"test.identity-tlsa", {judged.problem}}, Message{"fix.their-tlsa", {}});
        } else if (!tls->peer) {
            say("identity", verdict, {"test.identity-none", {}}, Message{"fix.their-certificate", {}});
        } else if (!tls->peer->trusted) {
            auto [what, fix] = trust_fault(tls->peer->trust_error);
            say("identity", verdict, std::move(what), std::move(fix));
        } else if (judged.by == server::ProvenBy::nothing) {
            say("identity", verdict, {"test.identity-name", {net::describe_names(*tls->peer), question_.domain}},
                Message{"fix.their-certificate", {}});
        } else {
            return say("identity", Verdict::good, {"test.identity-good", {net::describe_names(*tls->peer)}});
        }
        if (!refused) say("identity", Verdict::note, {"test.identity-ignored", {}});
    }

    const server::Target target_;
    std::unique_ptr<OutStream> stream_;
};

}  // namespace

std::unique_ptr<Probe> probe_xmpp(const Parts& parts, Probe::Question question, const server::Target& target,
                                  Function<void()> finished) {
    return std::make_unique<XmppProbe>(parts, std::move(question), target, std::move(finished));
}

}  // namespace parley::look
