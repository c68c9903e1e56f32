#include "server/c2s_stream.hpp"

#include "base/text.hpp"
#include "server/pipeline.hpp"
#include "server/session.hpp"
#include "server/shard.hpp"
#include "server/user.hpp"
#include "xml/writer.hpp"
#include "xmpp/ns.hpp"
#include "xmpp/payload/stanza_id.hpp"

namespace parley::server {

namespace {

xml::ParserLimits limits_before_auth(const Limits& limits) {
    xml::ParserLimits parser;
    parser.tag = limits.xml_tag;
    parser.element = limits.stanza_before_auth;
    parser.depth = limits.depth_before_auth;
    return parser;
}

}  // namespace

C2sStream::C2sStream(Shard& shard, std::unique_ptr<net::Connection> connection, AddressLimits::Place place)
    : XmlStream(std::move(connection), limits_before_auth(shard.settings().limits),
                shard.settings().limits.outbound_soft),
      shard_(&shard),
      place_(std::move(place)),
      stanzas_(shard.settings().limits.stanzas_per_second, shard.settings().limits.stanzas_burst),
      bytes_(static_cast<double>(shard.settings().limits.bytes_per_second),
             static_cast<double>(shard.settings().limits.bytes_burst)) {}

C2sStream::~C2sStream() = default;

void C2sStream::start(bool direct_tls) {
    const auto& settings = shard_->settings();
    deadline_ = shard_->executor().after(settings.limits.to_authenticate, [this] {
        close("connection-timeout", "nobody has signed in on this stream");
    });
    if (direct_tls) {
        phase_ = Phase::starting_tls;
        if (settings.domains.empty()) return connection_->abort();
        connection_->start_tls(settings.domains.begin()->second, net::Connection::TlsRole::server);
    }
    connection_->set_handler(this);
}

void C2sStream::on_bytes(std::string_view bytes) {
    XmlStream::on_bytes(bytes);
    if (!away_ && !closing() && !remote().is_loopback())
        slow_down(bytes_.take(static_cast<double>(bytes.size()), shard_->clock().now()));
}

void C2sStream::on_drained() {
    XmlStream::on_drained();
    if (session_ && !closing()) session_->catch_up();
}

void C2sStream::woke() {
    shard_->stream_woke(*this);
}

// Over its rate a client is read more slowly; nothing of it is refused.
void C2sStream::slow_down(Millis pause) {
    if (pause <= Millis{0} || !bound() || pause_.pending()) return;
    shard_->counters.limit_hits.fetch_add(1, std::memory_order_relaxed);
    wait();
    pause_ = shard_->executor().after(pause, [this] {
        pause_.cancel();
        go_on();
    });
}

void C2sStream::on_element(xml::Element element) {
    if (phase_ == Phase::bound) return on_bound_element(std::move(element));
    if (element.is(xmpp::ns::stream, "error")) return;  // its </stream> follows
    if (phase_ != Phase::authenticated && ++elements_ > shard_->settings().limits.elements_before_auth)
        return close("policy-violation", "too many elements before signing in");
    on_negotiation_element(element);
}

void C2sStream::on_bound_element(xml::Element element) {
    if (element.ns() == xmpp::ns::sm) return on_managed_element(element);
    if (element.is(xmpp::ns::stream, "error")) return;
    if (element.ns() != xmpp::ns::client) return close("unsupported-stanza-type");
    if (element.name() != "message" && element.name() != "presence" && element.name() != "iq")
        return close("unsupported-stanza-type");
    receive_stanza(*shard_, session_, std::move(element));
    if (!closing() && !remote().is_loopback()) slow_down(stanzas_.take(1, shard_->clock().now()));
}

void C2sStream::on_managed_element(const xml::Element& element) {
    if (element.name() == "r") {
        if (session_->managed()) session_->on_ack_request();
    } else if (element.name() == "a") {
        const auto h = parse_number<std::uint32_t>(element.attribute("h"));
        if (!h || !session_->managed() || !session_->on_ack(*h))
            close("undefined-condition", "you acknowledge more stanzas than were sent to you");
    } else if (element.name() == "enable") {
        if (session_->managed())
            return send(
                xml::Element(xmpp::ns::sm, "failed").set_child(xml::Element(xmpp::ns::stanzas, "unexpected-request")));
        const auto wish = element.attribute("resume");
        const auto id = session_->enable_management(wish == "true" || wish == "1");
        xml::Element enabled(xmpp::ns::sm, "enabled");
        if (!id.empty()) {
            enabled.set("resume", "true").set("id", id);
            enabled.set("max", std::to_string(shard_->settings().limits.resume_window.count() / 1000));
        }
        send(enabled);
    } else {
        send(xml::Element(xmpp::ns::sm, "failed").set_child(xml::Element(xmpp::ns::stanzas, "unexpected-request")));
    }
}

std::string C2sStream::refusing(std::string_view condition, std::string_view text) {
    const bool fault =
        condition != "system-shutdown" && condition != "conflict";  // otherwise nobody did anything wrong
    const auto who =
        user_.empty() ? std::string("a client that has not signed in") : "the client of " + user_.to_string();
    if (fault) shard_->refusal_log.refused(who, remote(), condition, text);
    return std::string(text);
}

void C2sStream::on_stream_end() {
    if (session_) session_->on_goodbye();
    finish();
}

std::size_t C2sStream::write(const im::Envelope& envelope) {
    auto& text = shard_->scratch();
    text.clear();
    std::string id;
    if (!envelope.stanza_id.empty()) xmpp::write_stanza_id(id, session_->user().jid(), envelope.stanza_id);
    xmpp::write(text, *envelope.stanza, xmpp::ns::client, &envelope.to, id);
    const auto size = text.size();
    connection_->send(text);
    if (connection_->unsent() > shard_->settings().limits.outbound_hard && !closing()) {
        // The client does not read. What it has not confirmed goes back to its session or to disk.
        shard_->counters.limit_hits.fetch_add(1, std::memory_order_relaxed);
        abort();
    }
    return size;
}

void C2sStream::send_ack(std::uint32_t h) {
    std::string out = "<a xmlns='urn:xmpp:sm:3' h='";
    out += std::to_string(h);
    out += "'/>";
    send(out);
}

void C2sStream::request_ack() {
    send("<r xmlns='urn:xmpp:sm:3'/>");
}

void C2sStream::send(const xml::Element& element) {
    send(element, xmpp::ns::client);
}

void C2sStream::close_for_shutdown() {
    // Sessions are not ended: what is unconfirmed is in the spool, and the client comes back.
    if (closing()) return;
    if (session_) session_->detach();
    session_.reset();
    close("system-shutdown");
}

void C2sStream::end_session(bool clean) {
    const auto session = std::exchange(session_, nullptr);
    if (!session || session->stream() != this) return;
    session->detach();
    if (!clean && session->resumable()) {
        session->resume_timer =
            shard_->executor().after(shard_->settings().limits.resume_window, [weak = session->weak_from_this()] {
                if (const auto ended = weak.lock()) ended->user().end(*ended);
            });
        return;
    }
    session->user().end(*session);
}

void C2sStream::on_closed(const Error&) {
    deadline_.cancel();
    pause_.cancel();
    end_session(false);
    shard_->stream_closed(*this);
}

void C2sStream::move_to_home(Function<void()> then) {
    const auto index = shard_->shard_of(user_);
    auto& home = *shard_->node().shards[index];
    if (&home == shard_) {
        then();
        return;
    }
    wait();
    away_ = true;
    deadline_.cancel();
    auto self = shard_->release(*this);
    shard_ = &home;
    auto arrived = [self, then = std::move(then)]() mutable {
        self->away_ = false;
        self->processing_ = false;
        auto& shard = *self->shard_;
        shard.adopt(std::move(self));
        then();
    };
    connection_->move_to(home.executor(), std::move(arrived));
}

}  // namespace parley::server
