#include "server/s2s/link_history.hpp"

#include "server/s2s/link.hpp"
#include "server/shard.hpp"
#include "server/trace_points.hpp"

namespace parley::server {

im::PartnerEvent::Fault fault_of(const OutStream& stream, bool timed_out) {
    using Fault = im::PartnerEvent::Fault;
    if (timed_out) return Fault::silent;
    switch (stream.fault()) {
        case OutStream::Fault::none:
        case OutStream::Fault::connection:
        case OutStream::Fault::not_xmpp: break;
        case OutStream::Fault::stream_error: return Fault::stream;
        case OutStream::Fault::no_tls: return Fault::no_tls;
        case OutStream::Fault::tls: return Fault::tls;
        case OutStream::Fault::certificate: return Fault::certificate;
        case OutStream::Fault::no_proof:
        case OutStream::Fault::external: return Fault::no_proof;
        case OutStream::Fault::dialback: return Fault::dialback;
    }
    return Fault::connection;
}

void note_partner_event(Shard& shard, const std::string& remote, im::PartnerEvent event) {
    if (trace::on(shard)) trace::link(shard, event.local, remote, im::trace_step(event), {{"detail", event.detail}});
    const bool known = shard.settings().policy.names(remote);
    shard.node().history.note(remote, known, std::move(event), shard.clock().wall());
}

std::string note_refusal(Shard& shard, std::string_view who, const net::Endpoint& from, im::Refusal refusal) {
    refusal.protocol = "XMPP";
    refusal.address = from.address;
    const bool known = shard.settings().policy.names(refusal.partner);
    const auto noted = shard.node().refusals.note(refusal, known, shard.clock().wall(), shard.random());
    shard.refusal_log.refused(who, from, refusal.condition, im::told(noted.why, noted.reference, true), refusal.remedy);
    return im::told(noted.why, noted.reference, shard.settings().disclose_reasons);
}

// On the stream that we have opened, where the partner may say something too (XEP-0288).
void Link::refuse(std::string_view condition, std::string_view text, const std::string& local,
                  const std::string& remote) {
    if (!stream_) return;
    im::Refusal refusal;
    refusal.partner = remote.empty() ? remote_ : remote;
    refusal.local = local.empty() ? local_ : local;
    refusal.condition = condition;
    refusal.why = text;
    end_stream(condition, note_refusal(shard_, "the server of " + remote_, stream_->remote(), std::move(refusal)));
}

void Link::note(im::PartnerEvent::What what, const std::string& detail) {
    im::PartnerEvent event;
    event.what = what;
    event.fault = what == im::PartnerEvent::What::failed ? fault_ : im::PartnerEvent::Fault::none;
    event.by_us = true;
    event.local = local_;
    event.detail = detail;
    if (stream_) {
        const auto* tls = stream_->tls();
        event.place = target_.host + ' ' + stream_->remote().to_string() + (tls ? ", " + tls->protocol : ", TCP");
    }
    note_partner_event(shard_, remote_, std::move(event));
}

}  // namespace parley::server
