#include "server/s2s/xmpp_federation.hpp"

#include "base/hash.hpp"
#include "base/text.hpp"
#include "im/partner_presence.hpp"
#include "im/xmpp_profile.hpp"
#include "server/s2s/dialback_key.hpp"
#include "server/shard.hpp"
#include "xml/writer.hpp"

namespace parley::server {

namespace {

constexpr Millis sweep_every{3'000};
constexpr std::chrono::hours failures_kept{1};
constexpr std::size_t most_kept = 1'000;

}  // namespace

// What a shard's users send to foreign domains goes to the shard of the link, and what comes of it comes back.
class XmppFederation::Face final : public im::RemoteDomains {
public:
    Face(XmppFederation& federation, Shard& home) : federation_(federation), home_(home) {}

    void deliver(im::Envelope envelope, im::Settled delivered) override {
        const auto& remote = envelope.to.domain();
        as_partner_reads(envelope);
        auto& place = federation_.places_[federation_.place_of(remote)];
        const auto& local = envelope.stanza->from.domain();
        if (place.shard == &home_)
            return federation_.link(place, local, remote).send(std::move(envelope), std::move(delivered));
        auto back = [home = &home_.executor(), delivered = std::move(delivered)](im::Outcome outcome) mutable {
            home->post([delivered = std::move(delivered), outcome = std::move(outcome)] { delivered(outcome); });
        };
        place.shard->executor().post([this, &place, envelope = std::move(envelope), back = std::move(back)]() mutable {
            auto& link = federation_.link(place, envelope.stanza->from.domain(), envelope.to.domain());
            link.send(std::move(envelope), std::move(back));
        });
    }

private:
    void as_partner_reads(im::Envelope& envelope) {
        if (envelope.stanza->kind != xmpp::Stanza::Kind::presence || !envelope.stanza->type.empty()) return;
        const auto& kind = im::xmpp_profile_of(home_.settings().policy, envelope.to.domain());
        if (auto written = im::written_for(kind, *envelope.stanza, home_.clock().wall()))
            envelope.stanza = std::move(written);
    }

    XmppFederation& federation_;
    Shard& home_;
};

XmppFederation::XmppFederation(Node& node) : node_(node) {
    places_.resize(node.shards.size());
    for (std::size_t i = 0; i < places_.size(); ++i) {
        auto& place = places_[i];
        place.shard = node.shards[i];
        place.face = std::make_unique<Face>(*this, *place.shard);
        place.resumable = std::make_unique<ResumableStreams>(place.shard->executor(), node.random);
        place.shard->executor().post([this, &place] { sweep(place); });
    }
}

XmppFederation::~XmppFederation() = default;

im::RemoteDomains& XmppFederation::face(std::size_t shard) {
    return *places_[shard].face;
}

Result<> XmppFederation::listen(const net::Endpoint& endpoint, bool direct_tls) {
    auto listener = node_.network.listen(node_.shards.front()->executor(), endpoint,
                                         [this, direct_tls](std::unique_ptr<net::Connection> connection) {
                                             accepted(std::move(connection), direct_tls);
                                         });
    if (!listener) return listener.error();
    listeners_.push_back(*std::move(listener));
    return {};
}

void XmppFederation::accepted(std::unique_ptr<net::Connection> connection, bool direct_tls) {
    auto& place = places_[next_shard_++ % places_.size()];
    if (place.shard->executor().in_this_thread()) return adopt(place, std::move(connection), direct_tls);
    auto* raw = connection.get();
    raw->move_to(place.shard->executor(), [this, &place, connection = std::move(connection), direct_tls]() mutable {
        adopt(place, std::move(connection), direct_tls);
    });
}

void XmppFederation::adopt(Place& place, std::unique_ptr<net::Connection> connection, bool direct_tls) {
    auto stream = std::make_shared<InStream>(*this, *place.shard, std::move(connection));
    auto* raw = stream.get();
    place.streams.emplace(raw, std::move(stream));
    raw->start(direct_tls);
}

void XmppFederation::stream_closed(Shard& shard, InStream& stream) {
    if (auto gone = release(shard, stream)) shard.executor().post([gone = std::move(gone)] {});
}

std::shared_ptr<InStream> XmppFederation::release(Shard& shard, InStream& stream) {
    auto& streams = place_of(shard).streams;
    const auto found = streams.find(&stream);
    if (found == streams.end()) return nullptr;
    auto released = std::move(found->second);
    streams.erase(found);
    return released;
}

void XmppFederation::adopt(Shard& shard, std::shared_ptr<InStream> stream) {
    auto* raw = stream.get();
    auto& place = place_of(shard);
    place.streams.emplace(raw, std::move(stream));
    if (place.shut_down) raw->close("system-shutdown");  // it was on its way
}

std::size_t XmppFederation::place_of(const std::string& remote) const {
    return xxh64(remote) % places_.size();
}

XmppFederation::Place& XmppFederation::place_of(const Shard& shard) {
    std::size_t i = 0;
    while (places_[i].shard != &shard) ++i;
    return places_[i];
}

std::string XmppFederation::answer_about_key(Shard& shard, const std::string& asking, const std::string& ours,
                                             const xml::Element& question, const net::Endpoint& from) {
    const std::string id(question.attribute("id"));
    const bool valid = dialback_key(shard.node().secret, asking, ours, id) == trim(question.text());
    const bool named = shard.settings().policy.names(asking);
    inbound_seen_.asked(asking, named, {shard.clock().wall(), from.to_string(), id, valid});
    std::string out = "<db:verify";
    xml::write_attribute(out, "from", ours);
    xml::write_attribute(out, "to", asking);
    xml::write_attribute(out, "id", id);
    return out + (valid ? " type='valid'/>" : " type='invalid'/>");
}

std::string XmppFederation::why_refused(Shard& shard, const std::string& remote) {
    const auto& policy = shard.settings().policy;
    if (policy.xmpp_allowed(remote)) {
        if (im::xmpp_profile_of(policy, remote).refused_release.empty()) return {};
        return refused_releases_.why(remote, shard.clock().now());
    }
    if (auto release = refused_releases_.why(remote, shard.clock().now()); !release.empty()) return release;
    const auto* rule = policy.rule(remote);
    if (rule && rule->allowed && rule->transport == im::Transport::sip) return remote + " is reached over SIP here";
    return "exchange with " + remote + " is not allowed here";
}

Link& XmppFederation::link(Place& place, const std::string& local, const std::string& remote) {
    auto& link = place.links[{local, remote}];
    if (!link) link = std::make_unique<Link>(*this, *place.shard, *turns_, local, remote);
    return *link;
}

void XmppFederation::verify(Shard& home, const std::string& local, const std::string& remote, std::string stream_id,
                            std::string key, Function<void(Link::Verdict)> answer) {
    auto& place = places_[place_of(remote)];
    auto back = [executor = &home.executor(), answer = std::move(answer)](Link::Verdict verdict) mutable {
        executor->post([answer = std::move(answer), verdict] { answer(verdict); });
    };
    place.shard->executor().dispatch([this, &place, local, remote, stream_id = std::move(stream_id),
                                      key = std::move(key), back = std::move(back)]() mutable {
        link(place, local, remote).verify(std::move(stream_id), std::move(key), std::move(back));
    });
}

void XmppFederation::on_answer(xmpp::Stanza answer) {
    auto& place = places_[place_of(answer.from.domain())];
    place.shard->executor().dispatch([this, &place, answer = std::move(answer)] {
        link(place, answer.to.domain(), answer.from.domain()).on_answer(answer);
    });
}

void XmppFederation::sweep(Place& place) {
    // A copy: one that ends itself is taken out of the list.
    const auto streams = place.streams;
    for (const auto& [raw, stream] : streams) raw->sweep();
    for (auto& [domains, link] : place.links) link->sweep();
    // One that failed stays a while: somebody may ask why.
    const auto then = place.shard->clock().wall() - failures_kept;
    std::erase_if(place.links, [&](const auto& entry) {
        const auto& link = *entry.second;
        return link.idle() && (link.failed_at() < then || place.links.size() > most_kept);
    });
    place.sweep_timer = place.shard->executor().after(sweep_every, [this, &place] { sweep(place); });
}

void XmppFederation::shut_down(Shard& shard) {
    for (auto& place : places_) {
        if (place.shard != &shard) continue;
        place.sweep_timer.cancel();
        place.shut_down = true;
        // The links first: they would look for another way when a stream of the partner's ends.
        for (const auto& [domains, link] : place.links) link->shut_down();
        const auto streams = place.streams;
        for (const auto& [raw, stream] : streams) raw->close("system-shutdown");
        place.resumable->clear();
    }
}

void XmppFederation::retry(std::size_t shard, const std::string& domain) const {
    for (const auto& [domains, link] : places_[shard].links)
        if (domains.second == domain) link->retry();
}

void XmppFederation::describe(std::size_t shard, const std::string& domain, im::PartnerOverview& out) const {
    const auto& place = places_[shard];
    for (const auto& [domains, link] : place.links)
        if (domains.second == domain) link->describe(out);
    for (const auto& [raw, stream] : place.streams)
        if (out.connections.size() < im::PartnerOverview::most_listed) stream->describe(domain, out);
}

XmppFederation::Overview XmppFederation::overview(std::size_t shard) const {
    Overview out;
    out.incoming = places_[shard].streams.size();
    for (const auto& [domains, link] : places_[shard].links) out.outgoing += link->opened();
    return out;
}

}  // namespace parley::server
