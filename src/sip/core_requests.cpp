#include "base/text.hpp"
#include "sip/core_impl.hpp"
#include "sip/header/cseq.hpp"
#include "sip/header/tokens.hpp"

namespace parley::sip {

void CoreImpl::on_message(LinkId link, Parsed parsed) {
    const auto& message = parsed.message;
    if (!message.is_request()) return on_response(message);
    const bool ack = message.method() == Method::ack;
    if (parsed.problem) {
        // Stateless: such a request is too odd to be told from its repeats. A BENOTIFY is never answered.
        if (!ack && message.method() != Method::benotify)
            out.send(link, make_response(message, parsed.problem->status, parsed.problem->phrase, {}).serialise());
        return;
    }
    // Before anything is kept of it: whoever may not ask takes no room from those who may.
    if (const auto admission = ack ? Admission{} : user.admit(link, message); admission.status != 0) {
        if (message.method() == Method::benotify) return;
        auto response = make_response(message, admission.status, {}, random.hex(8));
        if (!admission.words.empty()) add_warning(response, warn_agent(), admission.words);
        return out.send(link, response.serialise());
    }
    // Its transaction may end, and with it what that holds of the request, while we still look at it.
    const auto request = std::make_shared<const Message>(std::move(parsed.message));
    auto arrived = transactions.on_request(request, link, now());
    using Arrival = Transactions::Arrival;
    switch (arrived.kind) {
        case Arrival::fresh: return on_request(arrived.id, *request);
        case Arrival::repeat: return out.send(arrived.link, std::move(arrived.resend));
        case Arrival::absorbed: return;
        case Arrival::ack: return on_ack(*request);
        case Arrival::merged:
            if (request->method() == Method::benotify) return;
            return out.send(link, make_response(*request, 482, {}, random.hex(8)).serialise());
        case Arrival::overloaded: {
            auto response = make_response(*request, 503, {}, random.hex(8));
            response.add(HeaderId::retry_after, "10");
            return out.send(link, response.serialise());
        }
    }
}

void CoreImpl::on_response(const Message& response) {
    auto reply = transactions.on_response(response, now());
    if (reply.ack.empty()) return;
    // The ACK of a non-2xx goes where its INVITE went; that transaction has ended, so the domain is read from it.
    const auto& to = response.to();
    if (to) out.send_to_domain(to_lower(to->uri.host()), std::move(reply.ack), {});
}

// RFC 3261 8.2, in its order.
void CoreImpl::on_request(ServerTransactionId id, const Message& request) {
    const auto method = request.method();
    if (method == Method::cancel) return on_cancel(id, request);
    switch (method) {
        case Method::other: return respond(id, 501);
        case Method::refer: return on_refer(id, request);
        case Method::registration:
        case Method::update:
        case Method::prack:
        case Method::publish: return respond(id, 405);
        default: break;
    }
    const auto uri = Uri::parse(request.request_uri());
    if (!uri || !uri->is_sip()) return respond(id, 416);
    // Proxy-Require is not for us: we are the user agent. Of the option tags none is needed to serve a request.
    if (request.has(HeaderId::require)) {
        auto response = response_to(id, 420, random.hex(8));
        for (const auto value : request.headers(HeaderId::require)) response.add(HeaderId::unsupported, value);
        respond(id, std::move(response));
        if (method == Method::invite && list_has(request, HeaderId::require, multiparty))
            tell(request, Unwanted::group);
        return;
    }
    const auto& to = request.to();
    const auto tag = to ? to->tag() : std::string_view{};
    if (method == Method::options) return on_options(id, request);
    if (!tag.empty()) return in_dialog(id, request, tag);
    switch (method) {
        case Method::subscribe: return on_subscribe(id, request);
        case Method::invite: return on_invite(id, request);
        case Method::message: return on_text(id, nullptr, request);
        default: return respond(id, 481);  // NOTIFY, BYE, INFO have no meaning outside a dialog
    }
}

void CoreImpl::in_dialog(ServerTransactionId id, const Message& request, std::string_view local_tag) {
    const auto& from = request.from();
    auto* usage = find(request.header(HeaderId::call_id), local_tag);
    if (!usage || !from || !usage->dialog.matches(from->tag())) return respond(id, 481);
    // Whoever has learnt another domain's tags has no dialog with us by them.
    if (!from->uri.is_sip() || !user.same_domain(from->uri.host(), usage->dialog.remote_domain()))
        return respond(id, 481);
    const auto cseq = parse_cseq(request.header(HeaderId::cseq));
    if (!cseq || !usage->dialog.accept_cseq(cseq->number)) return respond(id, 500, "CSeq Out Of Order");
    switch (request.method()) {
        case Method::subscribe:
            if (usage->notifier) return on_refresh(id, *usage, request);
            break;
        case Method::notify:
        case Method::benotify:
            if (usage->subscriber) return on_notify(id, *usage, request);
            break;
        case Method::invite:
            if (usage->session) return on_reinvite(id, *usage, request);
            break;
        case Method::message:
            if (usage->session) return on_text(id, usage, request);
            break;
        case Method::info:
            if (usage->session) {
                usage->session->touch(now());
                const auto usage_id = usage->id;
                const int status =
                    user.on_info(usage_id, {std::string(request.header(HeaderId::content_type)), request.body()});
                respond(id, status);
                return pump(usage_id);
            }
            break;
        case Method::bye:
            if (usage->session) {
                const auto usage_id = usage->id;
                respond(id, 200);
                // 15.1.2: an INVITE of theirs that still waits is answered too.
                if (usage->session->state() == ImSession::State::ringing) respond(usage->asked, 487);
                return perform(usage_id, usage->session->on_bye(now()));
            }
            break;
        default: break;
    }
    respond(id, 481);
}

// A third person is to be brought into a session of two. The session goes on.
void CoreImpl::on_refer(ServerTransactionId id, const Message& request) {
    respond(id, 405);
    const auto to = parse_name_addr(request.header(HeaderId::to));
    const auto* usage = to ? find(request.header(HeaderId::call_id), to->tag()) : nullptr;
    if (usage && usage->session) tell(request, Unwanted::group);
}

void CoreImpl::on_cancel(ServerTransactionId id, const Message& request) {
    const auto invite = transactions.cancelled_by(request);
    if (!invite) return respond(id, 481);
    respond(id, 200);
    const auto waiting = ringing.find(invite);
    auto* usage = waiting == ringing.end() ? nullptr : find(waiting->second);
    if (usage && !usage->decided) {
        auto step = usage->session->on_cancel();
        respond(invite, 487);
        return perform(usage->id, std::move(step));
    }
    // The 200 waits for the store: it goes out, and the peer closes the session by BYE (9.2).
}

void CoreImpl::on_options(ServerTransactionId id, const Message& request) {
    const auto& to = request.to();
    if (to && !to->tag().empty() && !find(request.header(HeaderId::call_id), to->tag())) return respond(id, 481);
    auto response = response_to(id, 200, random.hex(8));
    response.add(HeaderId::allow, "INVITE, ACK, BYE, CANCEL, MESSAGE, SUBSCRIBE, NOTIFY, INFO, OPTIONS");
    std::string accept = "application/sdp";
    for (const auto& type : config.body_types) accept += ", " + type;
    for (const auto& type : config.text_types) accept += ", " + type;
    response.add(HeaderId::accept, accept);
    for (const auto& event : config.events) response.add(HeaderId::allow_events, event);
    respond(id, std::move(response));
}

}  // namespace parley::sip
