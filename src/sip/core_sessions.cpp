#include <algorithm>

#include "base/hash.hpp"
#include "base/text.hpp"
#include "sip/core_impl.hpp"
#include "sip/header/content_type.hpp"
#include "sip/header/cseq.hpp"
#include "sip/header/diagnostics.hpp"
#include "sip/header/numbers.hpp"
#include "sip/header/tokens.hpp"

namespace parley::sip {
namespace {

constexpr std::string_view allowed = "INVITE, ACK, BYE, CANCEL, MESSAGE, SUBSCRIBE, NOTIFY, INFO, OPTIONS";

// Fit to be the value of a header field.
bool is_plain(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x20; });
}

ImSession::Reply reply_of(const Answer& answer) {
    if (answer.local()) return {answer.status, true, answer.sent};
    ImSession::Reply reply{answer.status, false, true, {}, diagnostics_of(*answer.response)};
    if (answer.response->has(HeaderId::retry_after))
        reply.retry_after = parse_retry_after(answer.response->header(HeaderId::retry_after));
    return reply;
}

Outcome outcome_of(ImSession::Reply reply) {
    return {reply.status, reply.local, reply.sent, reply.retry_after, std::move(reply.diagnostics)};
}

}  // namespace

std::string text_origin(const Message& request) {
    const auto& from = request.from();
    std::string origin(from ? from->tag() : std::string_view{});
    return origin.append(" ")
        .append(request.header(HeaderId::call_id))
        .append(" ")
        .append(request.header(HeaderId::cseq));
}

// ---- callee

void CoreImpl::on_invite(ServerTransactionId id, const Message& request) {
    const auto& from = request.from();
    const auto& to = request.to();
    if (!from || !to || !from->uri.is_sip() || !to->uri.is_sip()) return respond(id, 416);
    auto verdict = judge_invite(request);
    if (verdict.status != 0) return refuse(id, request, verdict);
    if (full(from->uri.host())) return respond(id, 503);
    const auto peer = user.peer(to_lower(from->uri.host()));
    auto dialog = Dialog::as_uas(request, new_tag(to->uri), name_for(to->uri, peer));
    if (!dialog) return respond(id, 400, "Bad Dialog");
    SessionRequest info;
    auto& usage = add(DialogRecord::Role::session, *std::move(dialog));
    // One that we are only calling for stays: both have called at once, and the idle one will time out.
    if (const auto open = open_sessions.find(pair_of(usage)); open != open_sessions.end()) info.replaces = open->second;
    usage.remote_display = from->display_text();
    usage.asked = id;
    ringing[id] = usage.id;
    usage.replaces = info.replaces;
    if (verdict.offer) usage.accept_types = verdict.offer->accept_types;
    if (verdict.offer) usage.offer = std::make_unique<ImOffer>(*std::move(verdict.offer));
    usage.session = std::make_unique<ImSession>(ImSession::ringing(config.session_idle, now()));
    deadlines.set(usage.id, usage.session->next_deadline());
    info.party = party_of(usage);
    info.subject = std::string(request.header(HeaderId::subject));
    info.accept_types = usage.accept_types;
    user.on_session_request(usage.id, info);
}

void CoreImpl::refuse(ServerTransactionId id, const Message& request, const InviteVerdict& verdict) {
    auto response = response_to(id, verdict.status, random.hex(8));
    if (verdict.status == 420) response.add(HeaderId::unsupported, multiparty);
    if (verdict.status == 415) response.add(HeaderId::accept, "application/sdp");
    respond(id, std::move(response));
    if (verdict.wanted) tell(request, *verdict.wanted);
}

void CoreImpl::tell(const Message& request, Unwanted wanted) {
    const auto from = parse_name_addr(request.header(HeaderId::from));
    const auto to = parse_name_addr(request.header(HeaderId::to));
    if (from && to && from->uri.is_sip() && to->uri.is_sip())
        user.on_unwanted({to->uri, from->uri, from->display_text()}, wanted);
}

void CoreImpl::accept_session(UsageId id, std::string note) {
    auto* usage = find(id);
    if (!usage || !usage->session || usage->decided || !usage->asked) return;
    usage->decided = true;
    usage->note = std::move(note);
    auto answer = [this, id](bool stored) {
        auto* entry = find(id);
        if (!entry) return;
        const auto asked = entry->asked;
        if (!stored || !transactions.request(asked)) {
            auto step = entry->session->on_rejected(500);
            respond(asked, 500);
            return perform(id, std::move(step));
        }
        entry->dialog.use_block(entry->pending_top);
        auto response = response_to(asked, 200, entry->dialog.local_tag());
        const auto& name = entry->dialog.name();
        response.add(HeaderId::contact, name.contact());
        response.add(HeaderId::allow, allowed);
        // Never "Supported: ms-text-format": the text in the INVITE comes again as the first MESSAGE, and so comes
        // once.
        response.set_body("application/sdp", entry->offer
                                                 ? build_im_answer(*entry->offer, name.host,
                                                                   entry->dialog.local_uri().text(), config.text_types)
                                                 : build_im_offer(name.host, config.text_types));
        entry->offer.reset();
        entry->ok = response.serialise();
        entry->accepted = asked;
        const auto link = transactions.link(asked);
        if (transactions.respond(asked, 200, entry->ok, now())) out.send(link, entry->ok);
        entry->session->on_accepted(now());
        const auto replaces = std::exchange(entry->replaces, {});
        pump(id);
        if (auto* old = find(replaces); old && old->session)
            perform(replaces, old->session->close(now(), SessionEnd::Why::replaced));
    };
    usage->pending_top = usage->dialog.next_block_top();
    usage->stored = true;
    auto done = [weak = std::weak_ptr<int>(alive), answer = std::move(answer)](bool stored) {
        if (!weak.expired()) answer(stored);
    };
    out.persist(usage->dialog.local_tag(), encode(record_of(*usage)), std::move(done));
}

void CoreImpl::on_ack(const Message& request) {
    const auto& from = request.from();
    const auto& to = request.to();
    if (!from || !to) return;
    auto* usage = find(request.header(HeaderId::call_id), to->tag());
    if (!usage || !usage->session || !usage->dialog.matches(from->tag())) return;
    if (!user.same_domain(from->uri.host(), usage->dialog.remote_domain())) return;
    // RFC 6026 keeps an accepted INVITE for 32 s against repeats of it. Who has confirmed the 200 repeats nothing on a
    // reliable transport, and a partner that opens many sessions would soon meet the limit of transactions.
    transactions.drop(usage->asked);
    usage->ok = {};
    perform(usage->id, usage->session->on_ack(now()));
}

// A session timer's refresh or a changed target: the same session goes on. Another kind of medium is refused and the
// session stays as it is (RFC 3261 14.2).
void CoreImpl::on_reinvite(ServerTransactionId id, UsageEntry& usage, const Message& request) {
    if (usage.session->state() != ImSession::State::open) return respond(id, 491);
    auto verdict = judge_invite(request);
    if (verdict.status != 0) return refuse(id, request, verdict);
    usage.dialog.refresh_target(request);
    usage.session->touch(now());
    store_again(usage);
    auto response = response_to(id, 200, usage.dialog.local_tag());
    const auto& name = usage.dialog.name();
    response.add(HeaderId::contact, name.contact());
    response.add(HeaderId::allow, allowed);
    response.set_body(
        "application/sdp",
        verdict.offer ? build_im_answer(*verdict.offer, name.host, usage.dialog.local_uri().text(), config.text_types)
                      : build_im_offer(name.host, config.text_types));
    respond(id, std::move(response));
    pump(usage.id);
}

// ---- caller

UsageId CoreImpl::open_session(const Uri& local, const Uri& remote, std::string_view subject) {
    if (full(remote.host()) || !local.is_sip() || !remote.is_sip()) return {};
    const auto domain = to_lower(remote.host());
    auto& usage = add(DialogRecord::Role::session, Dialog::as_uac(random.hex(16), new_tag(local), local, remote,
                                                                  name_for(local, user.peer(domain)), domain));
    usage.decided = true;
    usage.session = std::make_unique<ImSession>(ImSession::calling(config.session_idle, now()));
    const auto id = usage.id;
    auto request = usage.dialog.request("INVITE");
    usage.invite_cseq = usage.dialog.local_cseq();
    request.add(HeaderId::contact, usage.dialog.name().contact());
    request.add(HeaderId::allow, allowed);
    if (is_plain(subject)) request.add(HeaderId::subject, subject);
    request.set_body("application/sdp", build_im_offer(usage.dialog.name().host, config.text_types));
    usage.invite =
        send(usage.dialog, std::move(request), [this, id](const Answer& answer) { on_invite_answer(id, answer); });
    pump(id);
    return id;
}

void CoreImpl::on_invite_answer(UsageId id, const Answer& answer) {
    auto* usage = find(id);
    const auto* response = answer.response;
    const bool accepted = response && answer.status >= 200 && answer.status < 300;
    if (!usage) return;
    if (accepted && usage->dialog.confirmed()) {
        const auto& to = response->to();
        if (to && to->tag() !=
                      usage->dialog.remote_tag()) {  // another branch of a fork accepted too: one is enough (13.2.2.4)
            auto other =
                Dialog::as_uac(usage->dialog.call_id(), usage->dialog.local_tag(), usage->dialog.local_uri(),
                               usage->dialog.remote_uri(), usage->dialog.name(), usage->dialog.remote_domain());
            if (!other.learn(*response)) return;
            send_without_answer(other, other.request("ACK", usage->invite_cseq));
            send(other, other.request("BYE", usage->invite_cseq + 1), [](const Answer&) {});
            return;
        }
    } else if (accepted) {
        if (!usage->dialog.learn(*response)) return;
        const auto offer = parse_im_offer(response->body());
        if (offer) usage->accept_types = offer->accept_types;
    }
    auto step = usage->session->on_invite_answer(reply_of(answer), now());
    if (step.opened) store(*usage, {});  // nobody waits: what is lost is found out by a 481
    perform(id, std::move(step));
}

// ---- both

void CoreImpl::perform(UsageId id, ImSession::Step step) {
    auto* usage = find(id);
    if (!usage) return;
    if (step.trying) respond(usage->asked, 100);
    if (step.resend_ok) {
        const auto link = transactions.link(usage->accepted);
        if (transactions.respond(usage->accepted, 200, usage->ok, now())) out.send(link, usage->ok);
    }
    if (step.cancel) {
        if (const auto* invite = transactions.sent_invite(usage->invite)) {
            // 9.1: the same Via, or it would be another transaction's.
            auto cancel = Message::request("CANCEL", invite->request_uri());
            cancel.add(HeaderId::via, invite->header(HeaderId::via));
            for (const auto route : invite->headers(HeaderId::route)) cancel.add(HeaderId::route, route);
            cancel.add(HeaderId::max_forwards, "70");
            for (const auto field : {HeaderId::from, HeaderId::to, HeaderId::call_id})
                cancel.add(field, invite->header(field));
            cancel.add(HeaderId::cseq, std::to_string(usage->invite_cseq) + " CANCEL");
            out.send_to_domain(usage->dialog.remote_domain(), cancel.serialise(), {});
        }
    }
    if (step.ack) send_without_answer(usage->dialog, usage->dialog.request("ACK", usage->invite_cseq));
    const bool bye = step.bye && usage->dialog.confirmed();
    if (step.ended && (bye || usage->owes_bye)) {
        send_bye(*usage);
    } else if (bye) {  // a text is under way, or waits for its number: the BYE takes the next one
        usage->owes_bye = true;
        with_cseq(*usage, [this, id](bool reserved) {
            auto* entry = find(id);
            if (!entry || !reserved || !std::exchange(entry->owes_bye, false)) return;
            send(entry->dialog, entry->dialog.request("BYE"), [](const Answer&) {});
        });
    }
    if (step.opened) {
        open_sessions[pair_of(*usage)] = id;
        const auto types = usage->accept_types;
        user.on_session_open(id, types);
    }
    if (step.ended) {
        auto* still = find(id);
        if (!still) return;
        if (still->invite) transactions.abandon(still->invite);
        remove(id);
        return user.on_session_end(id, *step.ended);
    }
    pump(id);
}

// The usage ends with it, so a BYE that must wait for its block of numbers takes its own copy of the dialog along.
void CoreImpl::send_bye(UsageEntry& usage) {
    if (usage.dialog.has_cseq()) {
        send(usage.dialog, usage.dialog.request("BYE"), [](const Answer&) {});
        return;
    }
    const auto top = usage.pending_top = std::max(usage.pending_top, usage.dialog.next_block_top());
    usage.stored = true;
    auto done = [this, weak = std::weak_ptr<int>(alive), dialog = usage.dialog, top](bool stored) mutable {
        if (weak.expired() || !stored) return;
        dialog.use_block(top);
        send(dialog, dialog.request("BYE"), [](const Answer&) {});
    };
    out.persist(usage.dialog.local_tag(), encode(record_of(usage)), std::move(done));
}

void CoreImpl::send_text(UsageEntry& usage, ImSession::Text text) {
    const auto id = usage.id;
    auto go = [this, id, text = std::move(text)](bool reserved) {
        auto* entry = find(id);
        if (!entry) return;
        const auto finish = [this, id](ImSession::Reply reply) {
            auto* still = find(id);
            if (!still) return;
            auto result = still->session->on_message_answer(reply, now());
            perform(id, std::move(result.step));
            if (result.done) user.on_text_outcome(*result.done, outcome_of(std::move(reply)));
        };
        if (!reserved) return finish({503, true, false, {}, "the store did not take it"});
        auto request = entry->dialog.request("MESSAGE");
        if (!text.language.empty()) request.add("Content-Language", text.language);
        request.set_body(text.body.type, text.body.text);
        send(entry->dialog, std::move(request), [finish](const Answer& answer) {
            if (answer.status >= 200) finish(reply_of(answer));
        });
    };
    with_cseq(usage, std::move(go));
}

void CoreImpl::send_activity(UsageId id, Method method, Body body) {
    auto* usage = find(id);
    if (!usage || !usage->session || usage->session->state() != ImSession::State::open) return;
    auto go = [this, id, method, body = std::move(body)](bool reserved) {
        auto* entry = find(id);
        if (!entry || !reserved) return;
        auto request = entry->dialog.request(to_string(method));
        request.set_body(body.type, body.text);
        send(entry->dialog, std::move(request), [](const Answer&) {});
    };
    with_cseq(*usage, std::move(go));
}

void CoreImpl::on_text(ServerTransactionId id, UsageEntry* usage, const Message& request) {
    IncomingText text;
    text.body = {std::string(request.header(HeaderId::content_type)), request.body()};
    text.subject = std::string(trim(request.header(HeaderId::subject)));
    const auto language = request.header("Content-Language");
    text.language = std::string(trim(language.substr(0, language.find(','))));
    text.origin = text_origin(request);
    if (usage) {
        usage->session->touch(now());
        deadlines.set(usage->id, usage->session->next_deadline());
        text.session = usage->id;
        text.party = party_of(*usage);
    } else {
        const auto& from = request.from();
        const auto& to = request.to();
        if (!from || !to || !from->uri.is_sip() || !to->uri.is_sip()) return respond(id, 416);
        text.party = {to->uri, from->uri, from->display_text()};
    }
    user.on_text(id, text);
}

MessageId CoreImpl::send_pager(const Uri& local, const Uri& remote, TextToSend text) {
    if (!local.is_sip() || !remote.is_sip()) return {};
    const auto domain = to_lower(remote.host());
    const MessageId id{++last_text};
    const auto digest = text.name.empty() ? std::string{} : sha256(text.name);
    constexpr std::size_t call_id_bytes = 16, tag_bytes = 8;
    auto call_id = digest.empty() ? random.hex(call_id_bytes) : hex_encode(digest.substr(0, call_id_bytes));
    auto tag = digest.empty() ? new_tag(local)
                              : make_tag({config.cluster, user.slot_token(local)},
                                         std::string_view(digest).substr(call_id_bytes, tag_bytes));
    auto dialog =
        Dialog::as_uac(std::move(call_id), std::move(tag), local, remote, name_for(local, user.peer(domain)), domain);
    auto request = dialog.request("MESSAGE");  // RFC 3428 4: no Contact, no dialog
    if (is_plain(text.subject)) request.add(HeaderId::subject, text.subject);
    if (!text.language.empty()) request.add("Content-Language", text.language);
    request.set_body(text.body.type, std::move(text.body.text));
    send(dialog, std::move(request), [this, id](const Answer& answer) {
        if (answer.status >= 200) user.on_text_outcome(id, outcome_of(reply_of(answer)));
    });
    return id;
}

}  // namespace parley::sip
