#include "gateway/federation/sip_trace.hpp"

#include "sip/header/cseq.hpp"
#include "sip/header/diagnostics.hpp"

namespace parley::gateway {

using sip::HeaderId;

void SipTrace::message(bool incoming, const sip::Message& message, const Pair& pair, std::string text,
                       int refusal) const {
    const auto& [ours, theirs] = pair;
    if (!tracer_->wants(ours, theirs)) return;
    using Way = im::TraceEvent::Way;
    im::TraceEvent event;
    event.at = clock_.wall();
    event.way = incoming ? Way::from_partner : Way::to_partner;
    event.protocol = "SIP";
    event.from = (incoming ? theirs : ours).to_string();
    event.to = (incoming ? ours : theirs).to_string();
    const auto cseq = sip::parse_cseq(message.header(HeaderId::cseq));
    const auto method = cseq ? cseq->method : sip::Method::other;
    if (message.is_request())
        event.what = message.method_text();
    else
        event.what = std::to_string(message.status()) + ' ' + (cseq ? cseq->method_text : std::string());
    const auto add = [&event](const char* name, std::string_view value) {
        if (!value.empty()) event.facts.emplace_back(name, value);
    };
    if (message.is_request()) {
        add("event", message.header(HeaderId::event));
        add("subscription-state", message.header(HeaderId::subscription_state));
    } else {
        add("reason", message.reason_phrase());
        if (message.status() >= 300) add("diagnostics", sip::diagnostics_of(message));
    }
    add("expires", message.header(HeaderId::expires));
    add("content-type", message.header(HeaderId::content_type));
    if (refusal != 0) add("refused-with", std::to_string(refusal));
    add("call-id", message.header(HeaderId::call_id));
    add("cseq", message.header(HeaderId::cseq));

    // A request, its answers and, by its number, the ACK of an INVITE. Each side of a dialog counts for itself.
    const bool ours_is_from = incoming != message.is_request();
    if (cseq)
        event.keys.push_back((ours_is_from ? "sip ours " : "sip theirs ") +
                             std::string(message.header(HeaderId::call_id)) + ' ' + std::to_string(cseq->number));
    if (!text.empty()) event.keys.push_back(std::move(text));
    if (method == sip::Method::subscribe || method == sip::Method::notify) {
        const bool ours_watches = ours_is_from == (method == sip::Method::subscribe);
        event.keys.push_back(ours_watches ? im::watch_key(ours, theirs) : im::watch_key(theirs, ours));
    }
    event.body_bytes = message.body().size();
    if (event.body_bytes > 0 && tracer_->wants_body(ours, theirs)) event.body = message.body();
    tracer_->record(ours, theirs, std::move(event));
}

void SipTrace::watch_step(const Pair& pair, std::string_view what, Facts facts) const {
    step(pair, im::watch_key(pair.first, pair.second), what, std::move(facts));
}

void SipTrace::step(const Pair& pair, std::string key, std::string_view what, Facts facts) const {
    if (!tracer_->wants(pair.first, pair.second)) return;
    im::TraceEvent event;
    event.at = clock_.wall();
    event.from = pair.first.to_string();
    event.to = pair.second.to_string();
    event.what = what;
    event.facts = std::move(facts);
    if (!key.empty()) event.keys = {std::move(key)};
    tracer_->record(pair.first, pair.second, std::move(event));
}

void SipTrace::link(const std::string& local, const std::string& remote, std::string_view what, Facts facts) const {
    const auto theirs = xmpp::Jid::make("", remote), known = xmpp::Jid::make("", local);
    const auto ours = known ? *known : xmpp::Jid();
    if (!theirs || !tracer_->wants(ours, *theirs)) return;
    im::TraceEvent event;
    event.at = clock_.wall();
    event.protocol = "SIP";
    event.from = local;
    event.to = remote;
    event.what = what;
    event.facts = std::move(facts);
    tracer_->record(ours, *theirs, std::move(event));
}

}  // namespace parley::gateway
