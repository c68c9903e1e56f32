#include "server/pipeline.hpp"

#include "im/subscription.hpp"
#include "server/c2s_stream.hpp"
#include "server/carbons.hpp"
#include "server/module/modules.hpp"
#include "server/presence.hpp"
#include "server/session.hpp"
#include "server/shard.hpp"
#include "server/trace_points.hpp"
#include "server/user.hpp"
#include "server/user_policy.hpp"
#include "xmpp/ns.hpp"

namespace parley::server {

using xmpp::Stanza;

namespace {

void answer(Session& session, const Stanza& stanza) {
    session.deliver(im::envelope(stanza));
}

// RFC 6120 8.1.2.1: a client speaks for itself only.
bool from_is_own(const Stanza& stanza, const Session& session) {
    return stanza.from.empty() || stanza.from == session.jid() || stanza.from == session.jid().bare();
}

// Of a subscription: the user's own roster follows, whatever the contact may hear of it.
bool ends_something(const Stanza& stanza) {
    return stanza.kind == Stanza::Kind::presence && im::subscription_type(stanza.type) &&
           stanza.type != im::to_string(im::SubscriptionType::subscribe);
}

// RFC 6120 8.3.1, 8.2.3: an error is never answered with an error, nor is a result; and presence that says goodbye
// needs no answer.
bool is_answerable(const Stanza& stanza) {
    switch (stanza.kind) {
        case Stanza::Kind::message: return !stanza.is_error();
        case Stanza::Kind::iq: return stanza.is_request();
        case Stanza::Kind::presence: break;
    }
    return stanza.type.empty() || stanza.type == im::to_string(im::SubscriptionType::subscribe);
}

void route_message(Shard& shard, const std::shared_ptr<Session>& session, Stanza stanza, std::uint32_t number) {
    if (stanza.to.empty()) stanza.to = session->jid().bare();  // RFC 6120 10.3.1
    auto name = shard.sent.name(*session, stanza, number, shard.clock().now());
    auto envelope = im::envelope(std::move(stanza));
    envelope.durable = session->managed();
    envelope.origin = std::move(name.origin);
    if (trace::on(shard))
        trace::stanza(shard, trace::Way::from_user, *envelope.stanza, envelope.to, envelope.origin,
                      {{"again", name.again ? "yes" : ""}});
    if (!name.again) send_sent_carbons(*session, *envelope.stanza);  // its copies were sent the first time
    const auto sent = envelope.stanza;
    auto origin = envelope.origin;
    // A partner may take its time, and without stream management nothing waits on disk for it: later pings do not wait
    // either.
    const bool holds = envelope.durable || shard.is_local(envelope.to.domain());
    shard.route(std::move(envelope),
                [&shard, session, sent, origin = std::move(origin), number](const im::Outcome& refused) {
                    // RFC 6120 8.3.1: an error is never answered with an error.
                    if (refused && !sent->is_error()) {
                        if (session->stream())
                            answer(*session, sent->error(*refused));
                        else
                            shard.tell_sender(sent, origin, *refused, [] {});
                    }
                    session->settle_inbound(number);
                });
    if (!holds) session->settle_inbound(number);
}

void route_iq(Shard& shard, const std::shared_ptr<Session>& session, Stanza stanza) {
    if (stanza.id.empty() || (stanza.is_request() && stanza.children.empty()))
        return answer(*session, stanza.error(xmpp::stanza_error("bad-request")));  // RFC 6120 8.2.3
    const bool to_self = stanza.to.empty() || stanza.to == session->jid().bare();
    const bool to_server = !to_self && stanza.to.is_domain() && shard.settings().domains.contains(stanza.to.domain());
    if (!stanza.is_request()) {
        if (!to_self && !to_server) return shard.send(std::move(stanza));
        if (!session->on_barrier_answer(stanza.id)) shard.native_clients.on_answer(*session, stanza);
        return;
    }
    // The answer to a ping says that all before it has arrived: what lasts is on disk by then. Clients without stream
    // management have no other way to know.
    if ((to_self || to_server) && stanza.child(xmpp::ns::ping, "ping") && !session->fully_settled())
        return session->when_settled([session, reply = stanza.reply()] { answer(*session, reply); });
    if (to_self) return answer_for_own_user(shard, *session, stanza);
    if (to_server) return answer_for_server(shard, stanza);
    shard.send(std::move(stanza));
}

}  // namespace

void receive_stanza(Shard& shard, const std::shared_ptr<Session>& session, xml::Element element) {
    // 1. It counts, whatever becomes of it (XEP-0198 4).
    const auto number = session->begin_inbound();
    // 2. It is a stanza with addresses that are addresses.
    auto copy_for_error = element.attribute("id");
    const std::string id(copy_for_error);
    const bool error_type = element.attribute("type") == "error";
    auto kind_name = element.name();
    auto decoded = Stanza::decode(std::move(element));
    if (!decoded) {
        if (!error_type) {
            Stanza bad;
            bad.kind = kind_name == "iq"         ? Stanza::Kind::iq
                       : kind_name == "presence" ? Stanza::Kind::presence
                                                 : Stanza::Kind::message;
            bad.id = id;
            bad.from = session->jid();
            answer(*session, bad.error(xmpp::stanza_error("jid-malformed", decoded.error().detail)));
        }
        return session->settle_inbound(number);
    }
    auto stanza = *std::move(decoded);
    // 3. It speaks for its sender.
    if (!from_is_own(stanza, *session)) {
        if (session->stream()) session->stream()->close("invalid-from");
        return;
    }
    stanza.from = session->jid();
    // 4. It is not for somebody whom its own user has blocked.
    if (!stanza.to.empty() && session->user().blocks(stanza.to) && !ends_something(stanza)) {
        if (trace::on(shard)) {
            trace::stanza(shard, trace::Way::from_user, stanza, stanza.to, {});
            trace::step(shard, stanza, stanza.to, {}, "own-block", {{"contact", stanza.to.bare().to_string()}});
        }
        if (is_answerable(stanza)) answer(*session, blocked_error(stanza));
        return session->settle_inbound(number);
    }
    if (trace::on(shard) && stanza.kind != Stanza::Kind::message)
        trace::stanza(shard, trace::Way::from_user, stanza, stanza.to, {});
    // 5. Its way is open in this direction.
    if (!stanza.to.empty() && !shard.is_local(stanza.to.domain()))
        if (const auto closed = shard.closed_from_here(stanza, stanza.to.domain())) {
            if (trace::on(shard)) {
                if (stanza.kind == Stanza::Kind::message)
                    trace::stanza(shard, trace::Way::from_user, stanza, stanza.to, {});
                trace::step(shard, stanza, stanza.to, {}, "closed-out", {{"domain", stanza.to.domain()}});
            }
            answer(*session, stanza.error(*closed));
            return session->settle_inbound(number);
        }
    // 6. It is acted upon by its kind.
    switch (stanza.kind) {
        case Stanza::Kind::message: return route_message(shard, session, std::move(stanza), number);
        case Stanza::Kind::presence: {
            receive_own_presence(shard, *session, std::move(stanza),
                                 [session, number](const im::Outcome&) { session->settle_inbound(number); });
            return;
        }
        case Stanza::Kind::iq: break;
    }
    // 7. What is not on its way to a disk is done with.
    session->settle_inbound(number);
    route_iq(shard, session, std::move(stanza));
}

}  // namespace parley::server
