#include "base/text.hpp"
#include "sip/core_impl.hpp"
#include "sip/limits.hpp"

namespace parley::sip {

UsageEntry* CoreImpl::find(UsageId id) {
    const auto usage = usages.find(id.value);
    return usage == usages.end() ? nullptr : usage->second.get();
}

UsageEntry* CoreImpl::find(std::string_view call_id, std::string_view local_tag) {
    const auto id = by_tag.find(local_tag);
    if (id == by_tag.end()) return nullptr;
    auto* usage = find(id->second);
    return usage && usage->dialog.call_id() == call_id ? usage : nullptr;
}

bool CoreImpl::full(std::string_view domain) const {
    if (usages.size() >= limit::usages) return true;
    const auto of = of_domain.find(to_lower(domain));
    return of != of_domain.end() && of->second >= limit::usages_of_domain;
}

UsageEntry& CoreImpl::add(DialogRecord::Role role, Dialog dialog) {
    auto usage = std::make_unique<UsageEntry>(UsageId{++last_usage}, role, std::move(dialog));
    by_tag[usage->dialog.local_tag()] = usage->id;
    ++of_domain[usage->dialog.remote_domain()];
    return *usages.emplace(usage->id.value, std::move(usage)).first->second;
}

void CoreImpl::remove(UsageId id) {
    const auto usage = usages.find(id.value);
    if (usage == usages.end()) return;
    if (usage->second->stored) out.forget(usage->second->dialog.local_tag());
    by_tag.erase(usage->second->dialog.local_tag());
    ringing.erase(usage->second->asked);
    if (usage->second->session)
        if (const auto open = open_sessions.find(pair_of(*usage->second));
            open != open_sessions.end() && open->second == id)
            open_sessions.erase(open);
    deadlines.set(id, {});
    if (const auto of = of_domain.find(usage->second->dialog.remote_domain());
        of != of_domain.end() && --of->second == 0)
        of_domain.erase(of);
    usages.erase(usage);
}

DialogRecord CoreImpl::record_of(const UsageEntry& usage) const {
    DialogRecord record;
    record.role = usage.role;
    usage.dialog.fill(record);
    record.local_cseq = std::max(record.local_cseq, usage.pending_top);
    record.event = usage.event.package;
    record.event_id = usage.event.id;
    record.note = usage.note;
    std::optional<SteadyTime> expires;
    if (usage.notifier) {
        record.state = usage.notifier->state() == Notifier::State::active ? "active" : "pending";
        expires = usage.notifier->expires_at();
    } else if (usage.subscriber) {
        record.state = usage.subscriber->state() == Subscriber::State::active ? "active" : "pending";
        expires = usage.subscriber->expires_at();
    }
    // The wall clock goes on while we are down; the steady one does not survive.
    if (expires) record.expires_at = clock.wall() + (*expires - now());
    return record;
}

void CoreImpl::store(UsageEntry& usage, Function<void(bool)> done) {
    usage.stored = true;
    Function<void(bool)> guarded;
    if (done)
        guarded = [weak = std::weak_ptr<int>(alive), then = std::move(done)](bool stored) {
            if (!weak.expired()) then(stored);
        };
    out.persist(usage.dialog.local_tag(), encode(record_of(usage)), std::move(guarded));
}

void CoreImpl::store_again(UsageEntry& usage) {
    if (usage.stored) store(usage, {});
}

void CoreImpl::with_cseq(UsageEntry& usage, Function<void(bool)> then) {
    if (usage.dialog.has_cseq() && !usage.reserving) return then(true);
    usage.waiting_for_cseq.push_back(std::move(then));
    if (usage.reserving) return;
    usage.reserving = true;
    const auto top = usage.pending_top = usage.dialog.next_block_top();
    usage.stored = true;
    auto done = [this, weak = std::weak_ptr<int>(alive), id = usage.id, top](bool stored) {
        if (weak.expired()) return;
        auto* entry = find(id);
        if (!entry) return;
        entry->reserving = false;
        if (stored) entry->dialog.use_block(top);
        const auto waiting = std::exchange(entry->waiting_for_cseq, {});
        for (const auto& next : waiting)
            if (find(id)) next(stored);
        pump(id);
    };
    out.persist(usage.dialog.local_tag(), encode(record_of(usage)), std::move(done));
}

Result<Restored> CoreImpl::restore(std::string_view row) {
    auto record = decode_dialog_record(row);
    if (!record) return record.error();
    // What came last may not have been answered, and comes again: a text is known by its origin, not by being in order.
    if (record->role == DialogRecord::Role::session) record->remote_cseq = 0;
    if (full(record->remote_domain)) return Error{Errc::too_long, "too many dialogs"};
    const auto local = Uri::parse(record->local_uri);
    if (!local) return local.error();
    PeerSettings peer = user.peer(record->remote_domain);
    const auto wanted = peer.wanted_expires;
    peer.tls = record->tls;
    auto dialog = Dialog::restored(*record, name_for(*local, peer));
    if (!dialog) return dialog.error();
    auto& usage = add(record->role, *std::move(dialog));
    usage.stored = usage.decided = usage.live = true;
    usage.note = record->note;
    usage.event = {record->event, record->event_id};
    const auto expires = now() + (record->expires_at - clock.wall());
    switch (record->role) {
        case DialogRecord::Role::notifier:
            usage.notifier = std::make_unique<Notifier>(Notifier::restored(
                record->state == "active" ? Notifier::State::active : Notifier::State::pending, expires));
            break;
        case DialogRecord::Role::subscriber:
            usage.subscriber = std::make_unique<Subscriber>(
                Subscriber::restored(record->state == "active" ? Subscriber::State::active : Subscriber::State::pending,
                                     wanted, expires, random, now()));
            break;
        case DialogRecord::Role::session:
            usage.session = std::make_unique<ImSession>(ImSession::restored(config.session_idle, now()));
            open_sessions[pair_of(usage)] = usage.id;
            break;
    }
    Restored restored{usage.id, record->role, party_of(usage), record->note, record->event, record->state};
    pump(usage.id);
    return restored;
}

void CoreImpl::pump(UsageId id) {
    auto* usage = find(id);
    if (!usage) return;
    if (usage->notifier && usage->live && usage->states_unstored == 0) {
        if (auto notify = usage->notifier->take(now())) send_notify(*usage, std::move(*notify));
        usage = find(id);
        if (!usage) return;
        if (usage->notifier->finished()) {
            const bool asked_for = usage->look_up;
            const auto why = usage->notifier->refused() ? WatcherEnd::Why::refused : WatcherEnd::Why::ended;
            remove(id);
            if (!asked_for) user.on_watcher_gone(id, {why});
            return;
        }
    } else if (usage->subscriber) {
        if (const auto expires = usage->subscriber->take()) send_subscribe(*usage, *expires);
        usage = find(id);
        if (!usage) return;
        if (const auto end = usage->subscriber->end()) {
            remove(id);
            user.on_subscription_end(id, *end);
            return;
        }
    } else if (usage->session) {
        if (auto text = usage->session->take()) send_text(*usage, std::move(*text));
        usage = find(id);
        if (!usage) return;
    }
    if (usage->notifier && usage->live)
        deadlines.set(id, usage->notifier->next_deadline());
    else if (usage->subscriber)
        deadlines.set(id, usage->subscriber->next_deadline());
    else if (usage->session)
        deadlines.set(id, usage->session->next_deadline());
}

std::optional<SteadyTime> CoreImpl::next_deadline() const {
    const auto a = transactions.next_deadline();
    const auto b = deadlines.next();
    if (!a || !b) return a ? a : b;
    return std::min(*a, *b);
}

void CoreImpl::on_time() {
    transactions.on_time(now());
    for (const auto id : deadlines.due(now())) {
        auto* usage = find(id);
        if (!usage) continue;
        if (usage->notifier && usage->live) usage->notifier->on_time(now());
        if (usage->subscriber) usage->subscriber->on_time(now());
        if (usage->session)
            perform(id, usage->session->on_time(now()));
        else
            pump(id);
    }
}

}  // namespace parley::sip
