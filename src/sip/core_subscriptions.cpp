#include <algorithm>

#include "base/text.hpp"
#include "sip/core_impl.hpp"
#include "sip/header/content_type.hpp"
#include "sip/header/diagnostics.hpp"
#include "sip/header/numbers.hpp"
#include "sip/header/tokens.hpp"

namespace parley::sip {
namespace {

bool takes_one_of(const Message& request, const std::vector<std::string>& types) {
    if (!request.has(HeaderId::accept)) return true;
    const auto accepted = list_values(request, HeaderId::accept);
    return std::any_of(accepted.begin(), accepted.end(), [&](const std::string& type) {
        return type == "*/*" || type == "application/*" || std::find(types.begin(), types.end(), type) != types.end();
    });
}

Body body_of(const Message& message) {
    return {std::string(message.header(HeaderId::content_type)), message.body()};
}

}  // namespace

// ---- notifier

void CoreImpl::on_subscribe(ServerTransactionId id, const Message& request) {
    auto event = parse_event(request.header(HeaderId::event));
    if (!event || std::find(config.events.begin(), config.events.end(), event->package) == config.events.end())
        return respond(id, 489);
    if (!takes_one_of(request, config.body_types)) return respond(id, 406);
    const auto& from = request.from();
    const auto& to = request.to();
    if (!from || !to || !from->uri.is_sip() || !to->uri.is_sip()) return respond(id, 416);
    if (full(from->uri.host())) return respond(id, 503);
    const auto peer = user.peer(to_lower(from->uri.host()));
    auto wanted = config.default_expires;  // OCS asks for none at all
    if (request.has(HeaderId::expires))
        wanted = parse_delta(request.header(HeaderId::expires)).value_or(config.default_expires);
    else
        wanted = std::max(wanted, peer.max_expires);
    if (wanted != Seconds{0} && wanted < config.min_expires) {
        auto response = response_to(id, 423, random.hex(8));
        response.add(HeaderId::min_expires, std::to_string(config.min_expires.count()));
        return respond(id, std::move(response));
    }
    auto dialog = Dialog::as_uas(request, new_tag(to->uri), name_for(to->uri, peer));
    if (!dialog) return respond(id, 400, "Bad Dialog");
    auto& usage = add(DialogRecord::Role::notifier, *std::move(dialog));
    usage.remote_display = from->display_text();
    usage.event = *std::move(event);
    usage.asked = id;
    usage.granted = std::min(wanted, peer.max_expires);
    usage.look_up = wanted == Seconds{0};
    const auto usage_id = usage.id;
    user.on_subscribe(usage_id, {party_of(usage), usage.event.package, usage.granted, usage.look_up});
}

void CoreImpl::accept_subscription(UsageId id, Notifier::State state, SharedBody body, std::string note) {
    auto* usage = find(id);
    if (!usage || usage->decided || usage->role != DialogRecord::Role::notifier) return;
    usage->decided = true;
    usage->note = std::move(note);
    usage->notifier = std::make_unique<Notifier>(state, now() + usage->granted);
    usage->notifier->set(state, std::move(body));
    auto answer = [this, id](bool stored) {
        auto* entry = find(id);
        if (!entry) return;
        const auto asked = entry->asked;
        if (!stored) {
            remove(id);
            respond(asked, 500);
            return user.on_watcher_gone(id, {WatcherEnd::Why::ended});
        }
        entry->live = true;
        if (!entry->look_up) entry->dialog.use_block(entry->pending_top);
        if (transactions.request(asked)) {
            auto response = response_to(asked, 200, entry->dialog.local_tag());
            response.add(HeaderId::contact, entry->dialog.name().contact());
            response.add(HeaderId::expires, std::to_string(entry->granted.count()));
            respond(asked, std::move(response));
        }
        entry->notifier->on_subscribe(entry->granted, now());
        pump(id);
    };
    if (usage->look_up) {  // over at once: nothing of it must outlive us
        usage->dialog.use_block(usage->dialog.next_block_top());
        return answer(true);
    }
    // The first block of CSeq numbers is stored with the dialog.
    usage->pending_top = usage->dialog.next_block_top();
    usage->stored = true;
    auto done = [weak = std::weak_ptr<int>(alive), answer = std::move(answer)](bool stored) {
        if (!weak.expired()) answer(stored);
    };
    out.persist(usage->dialog.local_tag(), encode(record_of(*usage)), std::move(done));
}

void CoreImpl::on_refresh(ServerTransactionId id, UsageEntry& usage, const Message& request) {
    const auto event = parse_event(request.header(HeaderId::event));
    if (!event || !(*event == usage.event)) return respond(id, 489);
    if (!usage.live || usage.notifier->state() == Notifier::State::terminated) return respond(id, 481);
    const auto peer = user.peer(usage.dialog.remote_domain());
    auto wanted = std::max(config.default_expires, peer.max_expires);
    if (request.has(HeaderId::expires))
        wanted = parse_delta(request.header(HeaderId::expires)).value_or(config.default_expires);
    if (wanted != Seconds{0} && wanted < config.min_expires) {
        auto response = response_to(id, 423, usage.dialog.local_tag());
        response.add(HeaderId::min_expires, std::to_string(config.min_expires.count()));
        return respond(id, std::move(response));
    }
    const auto granted = std::min(wanted, peer.max_expires);
    usage.dialog.refresh_target(request);
    const auto usage_id = usage.id;
    auto answer = [this, usage_id, id, granted](bool stored) {
        auto* entry = find(usage_id);
        if (!entry || !transactions.request(id)) return;
        if (!stored) return respond(id, 500);
        auto response = response_to(id, 200, entry->dialog.local_tag());
        response.add(HeaderId::contact, entry->dialog.name().contact());
        response.add(HeaderId::expires, std::to_string(granted.count()));
        respond(id, std::move(response));
        // The NOTIFY that the peer must get after a 200 (RFC 6665 4.2.1.2) goes out behind it.
        entry->notifier->on_subscribe(granted, now());
        pump(usage_id);
    };
    if (granted == Seconds{0}) return answer(true);  // an end that is lost is told again by the expiry
    // The row must hold the new time before the peer relies on it.
    auto record = record_of(usage);
    record.expires_at = clock.wall() + granted;
    auto done = [weak = std::weak_ptr<int>(alive), answer = std::move(answer)](bool stored) {
        if (!weak.expired()) answer(stored);
    };
    out.persist(usage.dialog.local_tag(), encode(record), std::move(done));
}

void CoreImpl::send_notify(UsageEntry& usage, Notifier::Notify notify) {
    const auto id = usage.id;
    auto go = [this, id, notify = std::move(notify)](bool reserved) {
        auto* entry = find(id);
        if (!entry) return;
        if (!reserved) return entry->notifier->on_answer(503, true, {}, now());
        auto request = entry->dialog.request("NOTIFY");
        request.add(HeaderId::contact, entry->dialog.name().contact());
        request.add(HeaderId::event, entry->event.to_string());
        request.add(HeaderId::subscription_state, notify.state.to_string());
        if (!notify.body->type.empty()) request.set_body(notify.body->type, notify.body->text);
        send(entry->dialog, std::move(request), [this, id](const Answer& answer) {
            if (answer.status < 200) return;
            auto* still = find(id);
            if (!still) return;
            std::optional<Seconds> retry;
            if (answer.response && answer.response->has(HeaderId::retry_after))
                retry = parse_retry_after(answer.response->header(HeaderId::retry_after));
            still->notifier->on_answer(answer.status, answer.local(), retry, now());
            pump(id);
        });
    };
    with_cseq(usage, std::move(go));
}

void CoreImpl::on_reachable(std::string_view domain) {
    std::vector<UsageId> waiting;
    for (auto& [id, usage] : usages) {
        if (!usage->notifier || usage->dialog.remote_domain() != domain) continue;
        usage->notifier->on_reachable();
        waiting.push_back(usage->id);
    }
    for (const auto id : waiting) pump(id);
}

// ---- subscriber

UsageId CoreImpl::subscribe(const Uri& local, const Uri& remote, const SubscribeOptions& options) {
    if (full(remote.host()) || !local.is_sip() || !remote.is_sip()) return {};
    const auto domain = to_lower(remote.host());
    const auto peer = user.peer(domain);
    auto& usage = add(DialogRecord::Role::subscriber,
                      Dialog::as_uac(random.hex(16), new_tag(local), local, remote, name_for(local, peer), domain));
    usage.decided = true;
    usage.note = options.note;
    usage.look_up = options.look_up;
    usage.event = {config.events.front(), {}};
    usage.subscriber = std::make_unique<Subscriber>(options.look_up ? Seconds{0} : peer.wanted_expires, random);
    const auto id = usage.id;
    pump(id);
    return id;
}

void CoreImpl::send_subscribe(UsageEntry& usage, Seconds expires) {
    const auto id = usage.id;
    auto go = [this, id, expires](bool reserved) {
        auto* entry = find(id);
        if (!entry) return;
        if (!reserved) {
            entry->subscriber->on_answer({503, true, {}, {}, {}, {}}, now());
            return user.on_subscribe_answer(id, 503, true);
        }
        auto request = entry->dialog.request("SUBSCRIBE");
        request.add(HeaderId::contact, entry->dialog.name().contact());
        request.add(HeaderId::event, entry->event.to_string());
        // Microsoft's sends the format that it likes best of those offered, for ever: only one is offered.
        for (const auto& type : config.body_types) request.add(HeaderId::accept, type);
        request.add(HeaderId::expires, std::to_string(expires.count()));
        send(entry->dialog, std::move(request), [this, id](const Answer& answer) { on_subscribe_answer(id, answer); });
    };
    with_cseq(usage, std::move(go));
}

void CoreImpl::on_subscribe_answer(UsageId id, const Answer& answer) {
    auto* usage = find(id);
    if (!usage || answer.status < 200) return;
    Subscriber::Reply reply{answer.status, answer.local(), {}, {}, {}, {}};
    if (const auto* response = answer.response) {
        if (response->has(HeaderId::expires)) reply.expires = parse_delta(response->header(HeaderId::expires));
        if (response->has(HeaderId::min_expires))
            reply.min_expires = parse_delta(response->header(HeaderId::min_expires));
        if (response->has(HeaderId::retry_after))
            reply.retry_after = parse_retry_after(response->header(HeaderId::retry_after));
        reply.diagnostics = diagnostics_of(*response);
    }
    const bool accepted = answer.status < 300;
    if (accepted && answer.response) {
        if (!usage->dialog.confirmed() && !usage->dialog.learn(*answer.response)) {
            reply.status = 500;  // no tag: there is no dialog to go on in
            reply.local = true;
        } else {
            usage->dialog.refresh_target(*answer.response);
        }
    }
    user.on_subscribe_answer(id, reply.status, reply.local);
    usage = find(id);
    if (!usage) return;
    usage->subscriber->on_answer(reply, now());
    if (accepted && !usage->look_up && usage->dialog.confirmed() && !usage->subscriber->end())
        store(*usage, {});  // nobody waits: a row that is lost costs one new SUBSCRIBE
    // COMPAT(OCS, Lync): the answer may carry the first notification though we did not offer ms-piggyback-first-notify.
    if (accepted && answer.response && answer.response->has(HeaderId::subscription_state)) {
        if (const auto state = parse_subscription_state(answer.response->header(HeaderId::subscription_state))) {
            usage->subscriber->on_notify(*state, now());
            const NotifyInfo info{*state, body_of(*answer.response)};
            (void)user.on_notify(id, info);
        }
    }
    pump(id);
}

void CoreImpl::on_notify(ServerTransactionId id, UsageEntry& usage, const Message& request) {
    const auto usage_id = usage.id;
    const auto state = parse_subscription_state(request.header(HeaderId::subscription_state));
    if (!state) return respond(id, 400, "Bad Subscription-State");
    // COMPAT(LCS, AOL): Event may be missing; one that is there must be ours.
    if (request.has(HeaderId::event)) {
        const auto event = parse_event(request.header(HeaderId::event));
        if (!event || event->package != usage.event.package) return respond(id, 489);
    }
    if (!usage.dialog.confirmed() && !usage.dialog.learn(request)) return respond(id, 400, "Bad From");
    usage.dialog.refresh_target(request);
    const auto before = usage.subscriber->state();
    usage.subscriber->on_notify(*state, now());
    if (usage.subscriber->state() != before && !usage.subscriber->end()) store_again(usage);
    const int status = user.on_notify(usage_id, {*state, body_of(request)});
    respond(id, status);
    pump(usage_id);
}

}  // namespace parley::sip
