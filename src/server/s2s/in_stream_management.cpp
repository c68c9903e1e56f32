#include "base/text.hpp"
#include "server/s2s/both_ways.hpp"
#include "server/s2s/in_stream.hpp"
#include "server/s2s/link.hpp"
#include "server/s2s/xmpp_federation.hpp"
#include "server/shard.hpp"
#include "xml/writer.hpp"

// A stream that a domain is proven on: where it lives, what our link sends by it, stream management and resumption.

namespace parley::server {
namespace {

constexpr int quiet_answers = 10;  // so many times the time for an answer is a long silence

std::string failed(std::string_view condition) {
    return "<failed xmlns='urn:xmpp:sm:3'><" + std::string(condition) +
           " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>";
}

}  // namespace

// The streams of a remote domain, its link, and what may be resumed of them meet on one shard.
void InStream::move_home(Function<void()> then) {
    auto& home = federation_.home_of(remote_);
    if (&home == shard_) return then();
    wait();
    away_ = true;
    deadline_.cancel();
    auto self = federation_.release(*shard_, *this);
    shard_ = &home;
    auto arrived = [self, then = std::move(then)] {
        self->away_ = false;
        self->processing_ = false;
        self->federation_.adopt(*self->shard_, self);
        if (self->closing()) return;
        then();
        self->go_on();
    };
    connection_->move_to(home.executor(), std::move(arrived));
}

// Before the partner proves who it is (XEP-0288 2.2); who asks though it was not offered is not heard.
void InStream::want_both_ways() {
    if (intake_ || !secured_ || remote_.empty() || certificate_proves(remote_) == ProvenBy::nothing) return;
    both_ways_ = both_ways_by(shard_->settings().policy.settings(remote_));
    if (both_ways_) expect_both_ways();
}

void InStream::offer_to_link() {
    if (offered_ || !both_ways_ || !by_certificate_ || closing()) return;
    offered_ = true;
    deadline_.cancel();
    federation_.link(*shard_, local_, remote_).offer(shared_from_this());
}

// --- stream management (XEP-0198)

void InStream::on_management(const xml::Element& element) {
    if (element.name() == "enable") return enable(element);
    if (element.name() == "resume") return resume(element);
    if (element.name() == "r" && intake_->managed()) return intake_->on_request();
    if (element.name() != "a") return send(failed("unexpected-request"));
    if (link_ && intake_->managed()) link_->on_acknowledged(element);
}

void InStream::enable(const xml::Element& element) {
    if (intake_->managed()) return send(failed("unexpected-request"));
    intake_->manage();
    const auto wish = element.attribute("resume");
    const auto window = shard_->settings().limits.s2s_resume;
    std::string out = "<enabled xmlns='urn:xmpp:sm:3'";
    if ((wish == "true" || wish == "1") && by_certificate_ && intake_->pairs.size() == 1 && window > Millis{0}) {
        resume_id_ = federation_.resumable(*shard_).add({intake_, this, local_, remote_});
        out += " resume='true' id='" + resume_id_ + "' max='" + std::to_string(window.count() / 1000) + "'";
    }
    send(out + "/>");
    if (link_) link_->counted_from_here();
    offer_to_link();
}

// The partner has lost the stream that it had before this one, which may still look open from here.
void InStream::resume(const xml::Element& element) {
    if (!by_certificate_ || intake_->managed() || intake_->received() > 0 || link_)
        return send(failed("unexpected-request"));
    const std::string id(element.attribute("previd"));
    const auto session = federation_.resumable(*shard_).take(id, local_, remote_);
    if (!session) return send(failed("item-not-found"));
    if (session->stream) session->stream->supersede();
    intake_->detach();
    intake_ = session->intake;
    intake_->attach(*this);
    federation_.resumable(*shard_).put(id, {intake_, this, local_, remote_});
    resume_id_ = id;
    offered_ = true;  // not as a new one
    deadline_.cancel();
    // `h` is final: what has come and is not settled yet must be neither confirmed nor sent again.
    wait();
    intake_->when_settled([weak = weak_from_this(), h = parse_number<std::uint32_t>(element.attribute("h"))] {
        if (const auto self = weak.lock(); self && !self->closing()) self->resumed(h);
    });
}

void InStream::resumed(std::optional<std::uint32_t> handled) {
    std::string out = "<resumed xmlns='urn:xmpp:sm:3'";
    xml::write_attribute(out, "previd", resume_id_);
    send(out + " h='" + std::to_string(intake_->handled()) + "'/>");
    sent_before_ = handled.value_or(0);
    if (both_ways_) federation_.link(*shard_, local_, remote_).offer_again(shared_from_this(), handled);
    go_on();
}

void InStream::forget_resumption() {
    if (!resume_id_.empty()) federation_.resumable(*shard_).forget(std::exchange(resume_id_, {}));
}

// Another stream goes on where this one was.
void InStream::supersede() {
    resume_id_.clear();
    if (auto* link = std::exchange(link_, nullptr)) link->on_carrier_ended(*this, true);
    if (intake_) intake_->detach();
    intake_.reset();
    abort();
}

// --- its end

void InStream::on_stream_end() {
    orderly_ = true;
    note_end();
    finish();
}

void InStream::give_up() {
    given_up_ = true;
    abort();
}

// By our decision: what the link has written is still sent, and proven by nothing.
void InStream::before_close() {
    if (auto* link = std::exchange(link_, nullptr)) link->on_carrier_ended(*this, false);
}

// A partner that has vanished without a word would stay for ever: nothing is owed to it, so TCP has nothing to repeat.
// A space between stanzas (RFC 6120 4.6.1) is enough for that (net/listener.cpp).
void InStream::keep_alive() {
    const auto now = shard_->clock().now();
    if (!intake_ || closing() || now - heard_at_ < quiet_answers * shard_->settings().limits.s2s_answer) return;
    heard_at_ = now;
    send(" ");
}

void InStream::on_drained() {
    XmlStream::on_drained();
    if (link_ && !closing()) link_->on_carrier_drained();
}

void InStream::on_closed(const Error& why) {
    deadline_.cancel();
    proof_search_.reset();
    if (!orderly_ && !closing()) note_end();
    const bool broke = given_up_ || (!orderly_ && !closing());
    const auto window = shard_->settings().limits.s2s_resume;
    const bool may_return = broke && !resume_id_.empty() && federation_.resumable(*shard_).broke(resume_id_, window);
    if (!may_return) forget_resumption();
    if (auto* link = std::exchange(link_, nullptr)) link->on_carrier_ended(*this, may_return);
    if (intake_) {
        if (!shut_down_)
            for (const auto& [pair, proof] : intake_->pairs)
                note(im::PartnerEvent::What::lost, pair.first, pair.second, why.detail);
        intake_->detach();
    }
    federation_.stream_closed(*shard_, *this);
}

}  // namespace parley::server
