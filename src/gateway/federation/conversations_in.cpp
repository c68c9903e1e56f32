#include <algorithm>

#include "base/crash_point.hpp"
#include "base/text.hpp"
#include "gateway/federation/conversations.hpp"
#include "gateway/mapping/error_tables.hpp"
#include "gateway/mapping/text.hpp"
#include "sip/body/typing.hpp"
#include "sip/header/content_type.hpp"
#include "xmpp/ns.hpp"
#include "xmpp/stanza_error.hpp"

namespace parley::gateway {
namespace {

constexpr Seconds notice_again{600};  // the same notice about the same person
constexpr std::size_t most_notices = 10'000;

bool is_language(std::string_view tag) {  // it becomes an xml:lang
    return tag.size() <= 35 && std::all_of(tag.begin(), tag.end(), [](char c) {
               return (to_lower(c) >= 'a' && to_lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '-';
           });
}

}  // namespace

std::string Conversations::name_of(const xmpp::Jid& remote, std::string_view origin) {
    return "sip " + remote.to_string() + ' ' + std::string(origin);
}

// A partner's user writes.
void Conversations::on_text(sip::ServerTransactionId id, const sip::IncomingText& incoming, const Pair& pair) {
    const auto& profile = parts_.addresses.profile_of(pair.second);
    const bool in_session = static_cast<bool>(incoming.session);
    const auto type = sip::parse_content_type(incoming.body.type);
    if (type && type->is(sip::is_composing_type)) {
        const auto typing = sip::decode_is_composing(incoming.body.text);
        parts_.core.answer(id, typing ? 200 : 400);
        if (!typing) return;
        conversations_[pair].composes = true;
        const bool active = typing->state == sip::Typing::active;
        return show_typing(pair, active ? Typing::active : Typing::idle,
                           active ? std::optional{typing->refresh} : std::nullopt);
    }
    if (type && type->is(sip::file_offer_type)) {
        parts_.core.answer(id, 415);
        return on_unwanted(pair, sip::Unwanted::file);
    }
    const auto what =
        text_of_body(incoming.body.type, incoming.body.text, in_session ? profile.message_body : pager_limit);
    if (const auto* refusal = std::get_if<SipRefusal>(&what)) return parts_.core.answer(id, refusal->status);
    auto text = std::get<XmppText>(what);
    if (text.subject.empty() && is_utf8(incoming.subject)) text.subject = to_xml_text(incoming.subject);
    if (text.lang.empty() && is_language(incoming.language)) text.lang = incoming.language;
    if (text.text.empty()) return parts_.core.answer(id, 200);
    crash_point("sip.text_received");
    if (const auto known = conversations_.find(pair); known != conversations_.end()) known->second.composing = {};
    auto stanza = to_stanza(text, in_session, {}, parts_.router.shows_xhtml(pair.first));
    stanza.from = pair.second;
    stanza.to = pair.first;
    stanza.id = parts_.random.hex(8);
    auto envelope = im::envelope(std::move(stanza));
    envelope.durable = true;
    envelope.origin = name_of(pair.second, incoming.origin);
    parts_.router.route(std::move(envelope), [this, weak = std::weak_ptr<int>(alive_), id, pair](im::Outcome outcome) {
        if (weak.expired()) return;
        if (outcome) return refuse_text(id, pair, *outcome);
        crash_point("sip.text_committed");
        parts_.core.answer(id, 200);
        crash_point("sip.text_answered");
        parts_.addresses.arm();
    });
}

// Our user is told once, by our own server: the partner's user did not write that.
void Conversations::on_unwanted(const Pair& pair, sip::Unwanted wanted) {
    const auto now = parts_.executor.clock().now();
    if (noticed_.size() >= most_notices) noticed_.clear();
    const auto [entry, first] = noticed_.try_emplace({pair, wanted}, now);
    if (!first && now - entry->second < notice_again) return;
    entry->second = now;
    // Whom the user has blocked gets the same answer, and the user hears nothing of it.
    parts_.router.reception(
        pair.first, pair.second,
        [this, weak = std::weak_ptr<int>(alive_), pair, wanted](const Result<im::Reception>& found) {
            if (!weak.expired() && found && *found != im::Reception::unheard) tell(pair, wanted);
        });
}

void Conversations::tell(const Pair& pair, sip::Unwanted wanted) {
    constexpr std::string_view ids[] = {"notice.group-chat", "notice.call", "notice.file"};
    const auto sentences = parts_.addresses.sentences(ids[static_cast<std::size_t>(wanted)], pair.second.to_string());
    if (sentences.empty()) return;
    xmpp::Stanza notice;
    notice.kind = xmpp::Stanza::Kind::message;
    notice.from = pair.first.domain_jid();
    notice.to = pair.first;
    notice.id = parts_.random.hex(8);
    notice.lang = sentences.front().language;
    for (const auto& sentence : sentences) {
        auto& body = notice.add(xml::Element(xmpp::ns::client, "body").with_text(sentence.text));
        if (sentence.language != notice.lang) body.set("lang", sentence.language, xmpp::ns::xml);
    }
    parts_.router.route(im::envelope(std::move(notice)), [](im::Outcome) {});
}

// Our own server has one word for an address where nobody lives and for a store that is full (RFC 6121 8.5): 404 and
// 480, not the 403 of the table, which is for what comes from elsewhere.
void Conversations::refuse_text(sip::ServerTransactionId id, const Pair& pair, const xmpp::StanzaError& error) {
    if (error.condition != "service-unavailable") {
        const auto& profile = parts_.addresses.profile_of(pair.second);
        const bool by_rule = error.condition == "not-allowed";
        parts_.core.answer(id, to_sip_status(error, Addressee::bare, profile), {},
                           by_rule ? std::string_view(error.text) : std::string_view());
        return parts_.addresses.arm();
    }
    parts_.router.reception(pair.first, pair.second,
                            [this, weak = std::weak_ptr<int>(alive_), id](const Result<im::Reception>& found) {
                                if (weak.expired()) return;
                                parts_.core.answer(id, found && *found == im::Reception::nobody ? 404 : 480);
                                parts_.addresses.arm();
                            });
}

}  // namespace parley::gateway
