#include "server/s2s/link.hpp"
#include "server/shard.hpp"
#include "server/trace_points.hpp"

// What a link tells of itself: for `federation history`, and for a trace of one of its domains.

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

im::PartnerEvent::Fault fault_of(const Error& connecting) {
    using Fault = im::PartnerEvent::Fault;
    if (connecting.code == Errc::timed_out) return Fault::silent;
    return connecting.detail.find("refused") == std::string::npos ? Fault::connection : Fault::refused;
}

void Link::note(im::PartnerEvent::What what, const std::string& detail) {
    using What = im::PartnerEvent::What;
    im::PartnerEvent event;
    event.what = what;
    event.fault = what == What::failed ? fault_ : im::PartnerEvent::Fault::none;
    event.by_us = true;
    event.local = local_;
    event.detail = detail;
    if (stream_) {
        const auto* tls = stream_->tls();
        event.place = target_.host + ' ' + stream_->remote().to_string() + (tls ? ", " + tls->protocol : ", TCP");
    }
    const bool known = shard_.settings().policy.rule(remote_) != nullptr;
    shard_.node().history.note(remote_, known, std::move(event), shard_.clock().wall());
    if (trace::on(shard_))
        trace::link(shard_, local_, remote_,
                    what == What::connected ? "link-up"
                    : what == What::lost    ? "link-down"
                                            : "link-failed",
                    {{"detail", detail}});
}

}  // namespace parley::server
