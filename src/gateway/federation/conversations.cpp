#include "gateway/federation/conversations.hpp"

#include <algorithm>

#include "base/crash_point.hpp"
#include "base/log.hpp"
#include "gateway/mapping/error_tables.hpp"
#include "sip/body/typing.hpp"
#include "xmpp/ns.hpp"
#include "xmpp/stanza_error.hpp"

namespace parley::gateway {
namespace {

constexpr std::size_t most_waiting = 1000;  // texts of one of our users for one partner's user, and their bytes
constexpr std::size_t most_bytes = 4 * 1024 * 1024;
constexpr Seconds patience{60};  // with a partner that has trouble; then the sender is told
// Into new sessions: often when the old one was closed just then, once when the peer had forgotten it.
constexpr int most_moves = 5, again_cost = 3;
constexpr Millis first_back_off{1'000}, longest_back_off{16'000};

// Answers that speak of the moment and not of the text: it goes again. 482: our own repetition met its first copy.
bool is_passing(int status, bool local, bool sent) {
    if (local) return status == 503 && sent;  // the connection was lost; what never left has been tried long enough
    return status == 482 || status == 491 || status == 500 || status == 502 || status == 503 || status == 504;
}

xmpp::StanzaError error_of(int status, bool local, std::string_view diagnostics) {
    if (local && status == 408) return xmpp::stanza_error("remote-server-timeout", "the partner does not answer");
    if (local) return xmpp::stanza_error("remote-server-not-found", "the partner cannot be reached");
    return to_stanza_error(status, error_text(status, {}, diagnostics, {}));
}

// What the partner's 200 becomes for a sender that has asked for it (XEP-0184): a receipt from the addressee.
xmpp::Stanza receipt_for(const xmpp::Stanza& message, const xmpp::Jid& from) {
    xmpp::Stanza receipt;
    if (message.id.empty() || !message.child(xmpp::ns::receipts, "request")) return receipt;
    receipt.kind = xmpp::Stanza::Kind::message;
    receipt.type = message.type;
    receipt.from = from;
    receipt.to = message.from;
    receipt.add(xml::Element(xmpp::ns::receipts, "received")).set("id", message.id);
    return receipt;
}

}  // namespace

// ---- our user writes

void Conversations::deliver(const xmpp::Stanza& stanza, const Pair& pair, std::string origin, im::Settled settled) {
    auto what = to_sip(stanza, parts_.addresses.profile_of(pair.second));
    if (auto* error = std::get_if<xmpp::StanzaError>(&what)) return settled(std::move(*error));
    if (const auto* typing = std::get_if<Typing>(&what)) send_typing(pair, *typing);
    if (std::holds_alternative<EndSession>(what)) end(pair);
    auto* text = std::get_if<SipText>(&what);
    if (!text) return settled(im::accepted);
    auto& conversation = conversations_[pair];
    if (conversation.waiting.size() >= most_waiting || conversation.bytes + text->body.size() > most_bytes)
        return settled(xmpp::stanza_error("resource-constraint", "too many messages wait for the partner"));
    conversation.closes = false;
    conversation.bytes += text->body.size();
    conversation.waiting.push_back({std::move(*text), std::move(origin), std::move(settled),
                                    parts_.executor.clock().now(), 0, receipt_for(stanza, pair.second)});
    if (parts_.trace.on()) {
        conversation.waiting.back().id = stanza.id;
        if (conversation.waiting.size() > 1)
            parts_.trace.text_step(pair, conversation.waiting.back().trace_key(pair), "waits-behind",
                                   {{"texts", std::to_string(conversation.waiting.size() - 1)}});
    }
    go_on(pair);
}

std::string Conversations::text_under_way(const Pair& pair) const {
    const auto found = conversations_.find(pair);
    if (found == conversations_.end() || found->second.waiting.empty()) return {};
    return found->second.waiting.front().trace_key(pair);
}

std::string Conversations::Text::trace_key(const Pair& pair) const {
    if (!origin.empty()) return im::message_key(origin);
    return id.empty() ? std::string{} : im::id_key(pair.first, pair.second, id);
}

// Our user has left. What still waits goes first.
void Conversations::end(const Pair& pair) {
    const auto found = conversations_.find(pair);
    if (found == conversations_.end()) return;
    if (!found->second.session) return send_typing(pair, Typing::idle);
    found->second.closes = true;
    go_on(pair);
}

void Conversations::go_on(const Pair& pair) {
    const auto found = conversations_.find(pair);
    if (found == conversations_.end()) return;
    auto& conversation = found->second;
    if (conversation.under_way || conversation.again.pending()) return;
    if (!conversation.waiting.empty()) {
        if (!send_first(pair, conversation)) return refuse_first(pair, xmpp::stanza_error("resource-constraint"));
    } else if (conversation.closes && conversation.session) {
        conversation.closes = false;
        parts_.core.close_session(conversation.session);
    } else {
        forget_if_idle(pair);
    }
}

// False: it cannot be sent at all.
bool Conversations::send_first(const Pair& pair, Conversation& conversation) {
    const auto& [text, origin, settled, since, moves, receipt, id] = conversation.waiting.front();
    const auto local = parts_.addresses.uri_of(pair.first), remote = parts_.addresses.uri_of(pair.second);
    if (!local || !remote) return false;
    sip::TextToSend send{{text.content_type, text.body}, text.subject, text.language, origin};
    if (parts_.addresses.profile_of(pair.second).im == ImDialect::pager) {
        // RFC 3428 8: one at a time to the same user, so that they arrive in order.
        conversation.under_way = parts_.core.send_pager(*local, *remote, std::move(send));
    } else {
        if (!conversation.session) {
            conversation.session = parts_.core.open_session(*local, *remote, text.subject);
            if (!conversation.session) return false;
            of_session_[conversation.session.value] = pair;
        }
        conversation.under_way = parts_.core.send_text(conversation.session, std::move(send));
        // A session that is about to end takes nothing more: on_session_end() goes on.
        if (!conversation.under_way) return true;
    }
    of_text_[conversation.under_way.value] = pair;
    return static_cast<bool>(conversation.under_way);
}

void Conversations::on_text_outcome(sip::MessageId id, const sip::Outcome& outcome) {
    const auto text = of_text_.extract(id.value);
    if (text.empty()) return;
    const auto& pair = text.mapped();
    auto& conversation = conversations_[pair];
    if (conversation.under_way != id) return;
    conversation.under_way = {};
    if (outcome.status >= 200 && outcome.status < 300) return delivered(pair, outcome.status);
    if (retry(pair, outcome.status, outcome.local, outcome.sent, outcome.retry_after)) return;
    refuse_first(pair, error_of(outcome.status, outcome.local, outcome.diagnostics));
}

bool Conversations::retry(const Pair& pair, int status, bool local, bool sent, std::optional<Seconds> retry_after) {
    auto& conversation = conversations_[pair];
    if (!is_passing(status, local, sent) || conversation.waiting.empty()) return false;
    conversation.back_off = std::clamp(conversation.back_off * 4, first_back_off, longest_back_off);
    const auto delay = std::max(conversation.back_off, Millis{retry_after.value_or(Seconds{0})});
    if (parts_.executor.clock().now() + delay > conversation.waiting.front().since + patience) return false;
    if (parts_.trace.on())
        parts_.trace.text_step(pair, conversation.waiting.front().trace_key(pair), "again",
                               {{"status", std::to_string(status)},
                                {"seconds", std::to_string(std::chrono::ceil<Seconds>(delay).count())}});
    conversation.again = parts_.executor.after(delay, [this, pair] {
        conversations_[pair].again = {};
        go_on(pair);
        parts_.addresses.arm();
    });
    return true;
}

void Conversations::retry(const std::string& domain) {
    std::vector<Pair> waiting;
    for (auto& [pair, conversation] : conversations_)
        if (pair.second.domain() == domain && conversation.again.pending()) waiting.push_back(pair);
    for (const auto& pair : waiting) {
        auto& conversation = conversations_[pair];
        conversation.again = {};
        conversation.back_off = Millis{0};
        go_on(pair);
    }
}

Conversations::Text Conversations::take_first(Conversation& conversation) {
    auto text = std::move(conversation.waiting.front());
    conversation.waiting.pop_front();
    conversation.bytes -= text.text.body.size();
    conversation.back_off = Millis{0};
    return text;
}

void Conversations::delivered(const Pair& pair, int status) {
    auto text = take_first(conversations_[pair]);
    crash_point("sip.text_taken");
    refused_.erase(pair.second.domain());
    // 202 only says that somebody will try (RFC 3428 7).
    if (status != 202 && !text.receipt.to.domain().empty()) {
        text.receipt.id = parts_.random.hex(8);
        parts_.router.route(im::envelope(std::move(text.receipt)), [](im::Outcome) {});
    }
    text.settled(im::accepted);
    go_on(pair);
}

void Conversations::refuse_first(const Pair& pair, const xmpp::StanzaError& error) {
    give_back(pair, error);
    go_on(pair);
}

void Conversations::give_back(const Pair& pair, const xmpp::StanzaError& error) {
    const auto text = take_first(conversations_[pair]);
    if (logs(LogLevel::info))
        log(LogLevel::info, {},
            "a message from " + pair.first.to_string() + " to " + pair.second.to_string() +
                " was not delivered: " + error.condition + ", " + error.text);
    const auto& domain = pair.second.domain();
    if (refused_.size() >= most_refused && !refused_.contains(domain)) refused_.erase(refused_.begin());
    refused_[domain] = {error.condition + (error.text.empty() ? "" : ", " + error.text),
                        parts_.executor.clock().wall()};
    text.settled(error);
}

void Conversations::forget_if_idle(const Pair& pair) {
    const auto found = conversations_.find(pair);
    if (found == conversations_.end()) return;
    const auto& conversation = found->second;
    const bool idle = !conversation.session && conversation.waiting.empty() && !conversation.composing.pending();
    if (idle && !conversation.composes) conversations_.erase(found);
}

// ---- sessions

void Conversations::restore(sip::UsageId session, const Pair& pair) {
    of_session_[session.value] = pair;
    conversations_[pair].session = session;
}

void Conversations::on_session_request(sip::UsageId session, const sip::SessionRequest&, const Pair& pair) {
    of_session_[session.value] = pair;
    parts_.router.reception(
        pair.first, pair.second,
        [this, weak = std::weak_ptr<int>(alive_), session](const Result<im::Reception>& found) {
            if (weak.expired() || !of_session_.contains(session.value)) return;  // cancelled meanwhile
            const bool taken = found && (*found == im::Reception::open || *found == im::Reception::unheard);
            if (taken) {
                parts_.core.accept_session(session);
            } else {
                of_session_.erase(session.value);
                // A user who is away is no reason to refuse: what is written is kept.
                parts_.core.reject_session(session, !found ? 500 : *found == im::Reception::nobody ? 404 : 480);
            }
            parts_.addresses.arm();
        });
}

void Conversations::on_session_open(sip::UsageId session, const std::vector<std::string>&) {
    const auto pair = of_session_.find(session.value);
    if (pair == of_session_.end()) return;
    auto& conversation = conversations_[pair->second];
    const auto old = std::exchange(conversation.session, session);
    if (old == session || !conversation.under_way || !parts_.core.withdraw_text(old, conversation.under_way)) return;
    // Both have called at once, and theirs stands first: what waits for ours need not wait longer.
    of_text_.erase(conversation.under_way.value);
    conversation.under_way = {};
    go_on(pair->second);
}

void Conversations::on_session_end(sip::UsageId session, const sip::SessionEnd& end) {
    const auto found = of_session_.extract(session.value);
    if (found.empty()) return;
    const auto& pair = found.mapped();
    auto& conversation = conversations_[pair];
    const bool current = conversation.session == session;
    if (current) conversation.session = {};
    using Why = sip::SessionEnd::Why;
    if (end.why == Why::bye && current) show(pair, gone_stanza());
    const auto has = [&](const std::vector<sip::MessageId>& ids) {
        return conversation.under_way && std::find(ids.begin(), ids.end(), conversation.under_way) != ids.end();
    };
    const bool unsent = has(end.unsent), uncertain = has(end.uncertain);
    if (!unsent && !uncertain) return go_on(pair);
    of_text_.erase(conversation.under_way.value);
    conversation.under_way = {};
    auto& text = conversation.waiting.front();
    if (end.why == Why::refused) {
        if (retry(pair, end.status, end.local, end.sent, end.retry_after)) return;
        // What waits behind it would be refused in the same way.
        const auto error = error_of(end.status, end.local, end.diagnostics);
        for (auto left = conversation.waiting.size(); left > 0; --left) give_back(pair, error);
        return go_on(pair);
    }
    // Not taken: in a new session the same text comes once. One that a peer's newer session has overtaken goes again
    // too, as that family's own clients have it, and one whose connection was lost.
    const bool cut_off = end.local && end.status == 503;
    const bool closed = unsent && end.why != Why::dangling;  // by a BYE of either side: nothing is wrong with the text
    const int cost = closed ? 1 : again_cost;
    if ((unsent || cut_off || end.why == Why::replaced) && text.moves + cost <= most_moves) {
        text.moves += cost;
        return go_on(pair);
    }
    refuse_first(pair,
                 unsent ? xmpp::stanza_error("recipient-unavailable")
                        : xmpp::stanza_error("remote-server-timeout", "nobody knows whether this message has arrived"));
}

// ---- typing

void Conversations::send_typing(const Pair& pair, Typing typing) {
    const auto found = conversations_.find(pair);
    if (found == conversations_.end()) return;
    const auto& conversation = found->second;
    const auto& profile = parts_.addresses.profile_of(pair.second);
    const auto state = typing == Typing::active ? sip::Typing::active : sip::Typing::idle;
    if (profile.im == ImDialect::pager) {
        // RFC 3994 4: to one who is known to understand it.
        const auto local = parts_.addresses.uri_of(pair.first), remote = parts_.addresses.uri_of(pair.second);
        if (conversation.composes && local && remote)
            parts_.core.send_pager(*local, *remote,
                                   {{std::string(sip::is_composing_type), sip::encode_is_composing(state)}});
    } else if (profile.typing == TypingDialect::keyboard_activity) {
        parts_.core.send_activity(conversation.session, sip::Method::info,
                                  {std::string(sip::keyboard_activity_type), sip::encode_keyboard_activity(state)});
    } else {
        parts_.core.send_activity(conversation.session, sip::Method::message,
                                  {std::string(sip::is_composing_type), sip::encode_is_composing(state)});
    }
}

// The partner's user; `until`: it counts as having stopped when nothing more is heard (RFC 3994 3.3).
void Conversations::show_typing(const Pair& pair, Typing typing, std::optional<Seconds> until) {
    auto& conversation = conversations_[pair];
    conversation.composing = {};
    if (until)
        conversation.composing = parts_.executor.after(*until, [this, pair] { show_typing(pair, Typing::idle); });
    show(pair, typing_stanza(typing, parts_.addresses.profile_of(pair.second).typing));
    forget_if_idle(pair);
}

void Conversations::show(const Pair& pair, xmpp::Stanza stanza) {
    stanza.from = pair.second;
    stanza.to = pair.first;
    parts_.router.send(im::envelope(std::move(stanza)));
}

int Conversations::on_info(sip::UsageId session, const sip::Body& body) {
    const auto typing = sip::decode_keyboard_activity(body.text);
    const auto pair = of_session_.find(session.value);
    if (typing && pair != of_session_.end()) {
        const bool active = *typing == sip::Typing::active;
        const auto until = active ? std::optional{sip::IsComposing{}.refresh} : std::nullopt;
        show_typing(Pair(pair->second), active ? Typing::active : Typing::idle, until);
    }
    return 200;  // what else such clients say of themselves is nothing to us, and a refusal would alarm them
}

}  // namespace parley::gateway
