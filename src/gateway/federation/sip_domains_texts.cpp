#include <algorithm>

#include "base/text.hpp"
#include "gateway/federation/sip_domains.hpp"
#include "gateway/mapping/error_tables.hpp"
#include "gateway/mapping/message.hpp"
#include "gateway/mapping/text.hpp"
#include "sip/body/typing.hpp"
#include "sip/header/content_type.hpp"
#include "xmpp/stanza_error.hpp"

namespace parley::gateway {
namespace {

constexpr std::size_t most_pagers = 100;  // texts that wait for one partner's user

xmpp::StanzaError error_of(int status, bool local, std::string_view diagnostics) {
    if (local && status == 408) return xmpp::stanza_error("remote-server-timeout", "the partner does not answer");
    if (local) return xmpp::stanza_error("remote-server-not-found", "the partner cannot be reached");
    return to_stanza_error(status, error_text(status, {}, diagnostics, {}));
}

// Our own server answers service-unavailable for an address where nobody lives (RFC 6121 8.5.1): 404, not the 403 of
// the table, which is for what comes from elsewhere.
int status_of(const xmpp::StanzaError& error, const Profile& profile) {
    if (error.condition == "service-unavailable") return 404;
    return to_sip_status(error, Addressee::bare, profile);
}

bool is_language(std::string_view tag) {  // it becomes an xml:lang
    return tag.size() <= 35 && std::all_of(tag.begin(), tag.end(), [](char c) {
               return (to_lower(c) >= 'a' && to_lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '-';
           });
}

}  // namespace

// ---- our user writes

void SipDomains::deliver_message(const xmpp::Stanza& stanza, const Pair& pair, im::Settled settled) {
    const auto& profile = profile_of(pair.second);
    auto what = to_sip(stanza, profile);
    if (auto* error = std::get_if<xmpp::StanzaError>(&what)) return settled(std::move(*error));
    const auto talk = talks_.find(pair);
    if (const auto* typing = std::get_if<Typing>(&what)) {
        if (talk != talks_.end()) {
            const auto state = *typing == Typing::active ? sip::Typing::active : sip::Typing::idle;
            if (profile.typing == TypingDialect::keyboard_activity)
                core_.send_activity(talk->second, sip::Method::info,
                                    {std::string(sip::keyboard_activity_type), sip::encode_keyboard_activity(state)});
            else
                core_.send_activity(talk->second, sip::Method::message,
                                    {std::string(sip::is_composing_type), sip::encode_is_composing(state)});
        }
        return settled(im::accepted);
    }
    if (std::holds_alternative<EndSession>(what)) {
        if (talk != talks_.end()) core_.close_session(talk->second);
        return settled(im::accepted);
    }
    auto* text = std::get_if<SipText>(&what);
    if (!text) return settled(im::accepted);
    send_text({pair,
               {text->content_type, std::move(text->body)},
               text->subject,
               std::make_shared<im::Settled>(std::move(settled))});
}

void SipDomains::send_text(Text text) {
    const auto pair = text.pair;
    if (profile_of(pair.second).im == ImDialect::pager) {
        // RFC 3428 8: one at a time to the same user, so that they arrive in order.
        auto& queue = pagers_[pair];
        if (queue.size() >= most_pagers)
            return (*text.settled)(xmpp::stanza_error("resource-constraint", "too many messages wait for the partner"));
        queue.push_back(std::move(text));
        if (queue.size() == 1) send_next_pager(pair);
        return;
    }
    auto& talk = talks_[pair];
    if (!talk) {
        const auto local = uri_of(pair.first), remote = uri_of(pair.second);
        if (local && remote) talk = core_.open_session(*local, *remote, text.subject);
        if (!talk) {
            talks_.erase(pair);
            return (*text.settled)(xmpp::stanza_error("resource-constraint"));
        }
        pair_of_usage_[talk.value] = pair;
    }
    const auto id = core_.send_text(talk, text.body);
    if (!id)
        return (*text.settled)(xmpp::stanza_error("resource-constraint", "too many messages wait for the partner"));
    texts_.emplace(id.value, std::move(text));
}

void SipDomains::send_next_pager(const Pair& pair) {
    const auto queue = pagers_.find(pair);
    while (queue != pagers_.end() && !queue->second.empty()) {
        auto& text = queue->second.front();
        const auto local = uri_of(pair.first), remote = uri_of(pair.second);
        const auto id = local && remote ? core_.send_pager(*local, *remote, text.body, text.subject) : sip::MessageId{};
        if (id) {
            texts_.emplace(id.value, Text{pair, {}, {}, text.settled, true});
            return;
        }
        const auto settled = text.settled;
        queue->second.pop_front();
        (*settled)(xmpp::stanza_error("jid-malformed"));
    }
    if (queue != pagers_.end()) pagers_.erase(queue);
}

void SipDomains::on_text_outcome(sip::MessageId id, const sip::Outcome& outcome) {
    auto found = texts_.extract(id.value);
    if (found.empty()) return;
    const auto text = std::move(found.mapped());
    const bool delivered = outcome.status >= 200 && outcome.status < 300;
    (*text.settled)(delivered ? im::Outcome{}
                              : im::Outcome{error_of(outcome.status, outcome.local, outcome.diagnostics)});
    const auto queue = pagers_.find(text.pair);
    if (queue == pagers_.end() || queue->second.empty() || queue->second.front().settled != text.settled) return;
    queue->second.pop_front();
    send_next_pager(text.pair);
}

// ---- sessions

void SipDomains::on_session_request(sip::UsageId id, const sip::SessionRequest& request) {
    const auto pair = pair_of(request.party);
    if (!pair) return core_.reject_session(id, 404);
    pair_of_usage_[id.value] = *pair;
    core_.accept_session(id);
}

void SipDomains::on_session_open(sip::UsageId id, const std::vector<std::string>&) {
    const auto pair = pair_of_usage_.find(id.value);
    if (pair != pair_of_usage_.end()) talks_[pair->second] = id;
}

void SipDomains::on_session_end(sip::UsageId id, const sip::SessionEnd& end) {
    auto found = pair_of_usage_.extract(id.value);
    if (found.empty()) return;
    const auto pair = std::move(found.mapped());
    const auto talk = talks_.find(pair);
    const bool current = talk != talks_.end() && talk->second == id;
    if (current) talks_.erase(talk);
    using Why = sip::SessionEnd::Why;
    if (end.why == Why::bye && current) {
        auto gone = gone_stanza();
        gone.from = pair.second;
        gone.to = pair.first;
        router_.send(im::envelope(std::move(gone)));
    }
    for (const auto message : end.unsent) {
        auto text = texts_.extract(message.value);
        if (text.empty()) continue;
        if (end.why != Why::refused && !text.mapped().resent) {
            // The peer has not taken it: in a new session the same text comes once (RFC 7573 and the peers' own
            // clients).
            text.mapped().resent = true;
            send_text(std::move(text.mapped()));
            continue;
        }
        (*text.mapped().settled)(end.why == Why::refused ? error_of(end.status, end.status == 408, end.diagnostics)
                                                         : xmpp::stanza_error("recipient-unavailable"));
    }
    for (const auto message : end.uncertain) {
        auto text = texts_.extract(message.value);
        if (text.empty()) continue;
        (*text.mapped().settled)(
            xmpp::stanza_error("remote-server-timeout", "nobody knows whether this message has arrived"));
    }
}

// ---- a partner's user writes

void SipDomains::on_text(sip::ServerTransactionId id, const sip::IncomingText& incoming) {
    const auto pair = pair_of(incoming.party);
    if (!pair) return core_.answer(id, 404);
    const auto& profile = profile_of(pair->second);
    const bool in_session = static_cast<bool>(incoming.session);
    const auto type = sip::parse_content_type(incoming.body.type);
    if (type && type->is(sip::is_composing_type)) {
        const auto typing = sip::decode_is_composing(incoming.body.text);
        core_.answer(id, typing ? 200 : 400);
        if (typing) show_typing(*pair, typing->state == sip::Typing::active);
        return;
    }
    const auto what =
        text_of_body(incoming.body.type, incoming.body.text, in_session ? profile.message_body : pager_limit);
    if (const auto* refusal = std::get_if<SipRefusal>(&what)) return core_.answer(id, refusal->status);
    auto text = std::get<XmppText>(what);
    if (text.subject.empty() && is_utf8(incoming.subject)) text.subject = to_xml_text(incoming.subject);
    if (text.lang.empty() && is_language(incoming.language)) text.lang = incoming.language;
    if (text.text.empty()) return core_.answer(id, 200);
    auto stanza = to_stanza(text, in_session);
    stanza.from = pair->second;
    stanza.to = pair->first;
    stanza.id = random_.hex(8);
    auto envelope = im::envelope(std::move(stanza));
    envelope.durable = true;
    envelope.origin = "sip " + pair->second.to_string() + ' ' + incoming.origin;
    const auto* row = &profile;
    router_.route(std::move(envelope), [this, weak = std::weak_ptr<int>(alive_), id, row](im::Outcome outcome) {
        if (weak.expired()) return;
        core_.answer(id, outcome ? status_of(*outcome, *row) : 200);
        arm();
    });
}

int SipDomains::on_info(sip::UsageId id, const sip::Body& body) {
    const auto typing = sip::decode_keyboard_activity(body.text);
    const auto pair = pair_of_usage_.find(id.value);
    if (typing && pair != pair_of_usage_.end()) show_typing(pair->second, *typing == sip::Typing::active);
    return 200;  // what else such clients say of themselves is nothing to us, and a refusal would alarm them
}

void SipDomains::show_typing(const Pair& pair, bool active) {
    auto stanza = typing_stanza(active ? Typing::active : Typing::idle, profile_of(pair.second).typing);
    stanza.from = pair.second;
    stanza.to = pair.first;
    router_.send(im::envelope(std::move(stanza)));
}

}  // namespace parley::gateway
