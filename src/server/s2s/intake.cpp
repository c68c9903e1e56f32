#include "server/s2s/intake.hpp"

#include "im/partner_presence.hpp"
#include "im/xmpp_profile.hpp"
#include "server/s2s/xmpp_federation.hpp"
#include "server/shard.hpp"
#include "server/trace_points.hpp"
#include "xmpp/ns.hpp"

namespace parley::server {

using xmpp::Stanza;

namespace {

constexpr std::size_t most_held = 64;  // pings that wait for commits
constexpr std::size_t longest_name = 64;

// A partner that missed our proof sends the message again on its next stream, under its old name
// (docs/federation-names.md). A message without a name is always a new one: who gives none repeats nothing.
std::string take_name(Stanza& stanza) {
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

}  // namespace

Intake::Intake(XmppFederation& federation, Shard& shard, std::string id, Stream& stream)
    : federation_(federation), shard_(shard), id_(std::move(id)), stream_(&stream) {}

void Intake::detach() {
    stream_ = nullptr;
    pause_.cancel();
}

void Intake::add_pair(const std::string& local, const std::string& remote, By by) {
    pairs.emplace(std::pair(local, remote), Proof{federation_.rate_of(remote), by, shard_.node().settings.version()});
}

void Intake::on_stanza(xml::Element element) {
    auto decoded = Stanza::decode(std::move(element));
    if (!decoded) return stream_->refuse("improper-addressing", decoded.error().detail, {}, {});
    auto stanza = *std::move(decoded);
    if (stanza.from.empty() || stanza.to.empty())
        return stream_->refuse("improper-addressing", "a stanza without from or to", {}, {});
    const auto &remote = stanza.from.domain(), &local = stanza.to.domain();
    const auto pair = pairs.find({stanza.to.domain(), remote});
    if (pair == pairs.end())
        return stream_->refuse(shard_.is_local(local) ? "invalid-from" : "host-unknown",
                               "these domains have not been proven on this stream", local, remote);
    // The rule may have changed since the stream began.
    if (const auto why = federation_.why_refused(shard_, remote); !why.empty())
        return stream_->refuse("policy-violation", why, local, remote);
    if (!stream_->still_proves(remote, pair->second)) {
        if (stanza.kind == Stanza::Kind::message && !stanza.is_error())
            shard_.send(
                stanza.error(xmpp::stanza_error("policy-violation", im::told("the settings of your domain have changed",
                                                                             {}, shard_.settings().disclose_reasons))));
        return stream_->refuse("policy-violation", "the settings of " + remote + " have changed", local, remote);
    }

    keep_pace(*pair->second.rate);

    const auto number = inbound_.begin();
    const bool handed_over = stanza.kind == Stanza::Kind::message ||
                             (stanza.kind == Stanza::Kind::presence && !stanza.type.empty() &&
                              stanza.type != "unavailable" && stanza.type != "probe" && stanza.type != "error");
    if (!handed_over) {
        if (trace::on(shard_)) trace::stanza(shard_, trace::Way::from_partner, stanza, stanza.to, {});
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
    if (trace::on(shard_))
        trace::stanza(shard_, trace::Way::from_partner, *envelope.stanza, envelope.to, envelope.origin);
    const auto sent = envelope.stanza;
    auto* shard = &shard_;
    shard_.route(std::move(envelope), [weak = weak_from_this(), shard, sent, number](im::Outcome refused) {
        if (refused && !sent->is_error()) {
            auto error = im::envelope(sent->error(*refused));
            error.durable = true;
            shard->route(std::move(error), [](im::Outcome) {});
        }
        if (const auto self = weak.lock()) self->settle(number);
    });
}

// What needs no commit: presence, and what is asked of the server or of a user.
void Intake::take(Stanza stanza) {
    if (stanza.kind == Stanza::Kind::presence)
        im::mark_arrived(im::xmpp_profile_of(shard_.settings().policy, stanza.from.domain()), stanza);
    if (stanza.kind != Stanza::Kind::iq || !stanza.to.is_domain()) return shard_.send(std::move(stanza));
    if (!stanza.is_request()) return federation_.on_answer(std::move(stanza));
    if (!stanza.child(xmpp::ns::ping, "ping")) return shard_.send(std::move(stanza));
    // A partner may take our answer as the proof that what it sent before has arrived: so it has, on disk.
    if (held_.size() >= most_held) return stream_->refuse("policy-violation", "too many pings at once", {}, {});
    when_settled([shard = &shard_, answer = stanza.reply()]() mutable { shard->send(std::move(answer)); });
}

// Over its rate a partner is read more slowly; nothing of it is refused.
void Intake::keep_pace(SharedRate& rate) {
    if (stream_->peer().is_loopback()) return;
    const auto pause = rate.take(shard_.settings().limits.s2s_stanzas_per_second, shard_.clock().now());
    if (pause <= Millis{0}) return;
    shard_.counters.limit_hits.fetch_add(1, std::memory_order_relaxed);
    stream_->hold(true);
    pause_ = shard_.executor().after(pause, [this] {
        pause_.cancel();
        stream_->hold(false);
    });
}

void Intake::when_settled(Function<void()> then) {
    if (inbound_.settled_all()) return then();
    held_.push_back({inbound_.received(), std::move(then)});
}

void Intake::settle(std::uint32_t number) {
    inbound_.settle(number);
    while (!held_.empty() && static_cast<std::int32_t>(inbound_.settled() - held_.front().after) >= 0) {
        const auto answer = std::move(held_.front().answer);
        held_.pop_front();
        answer();
    }
    acknowledge();
}

void Intake::on_request() {
    if (!managed_) return;
    inbound_.request();
    acknowledge();
}

void Intake::acknowledge() {
    if (!managed_ || !stream_ || stream_->over()) return;
    if (const auto h = inbound_.due())
        stream_->say("<a xmlns='urn:xmpp:sm:3' h='" + std::to_string(*h - before_) + "'/>");
}

}  // namespace parley::server
