#include "server/shard.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/crash_point.hpp"
#include "base/hash.hpp"
#include "base/hash_stream.hpp"
#include "base/text.hpp"
#include "im/message_rules.hpp"
#include "im/room/room.hpp"
#include "server/c2s_stream.hpp"
#include "server/module/modules.hpp"
#include "server/room/room_service.hpp"
#include "server/session.hpp"
#include "server/storage_error.hpp"
#include "server/trace_points.hpp"
#include "server/user.hpp"
#include "xml/parser.hpp"
#include "xmpp/ns.hpp"

namespace parley::server {

using xmpp::Stanza;

namespace {

// An idle stream gives its parser back after once to twice this time: soon, so that a wave of log-ins does not hold one
// each.
constexpr Millis streams_swept_every{500};
constexpr Millis users_swept_every{15'000};
constexpr Millis user_kept{60'000};  // after the last use, without a session

// For who asks for a user that we do not have (RFC 6121 8.5.1), or cannot look for.
xmpp::StanzaError absence(const Error& why) {
    return why.code == Errc::not_found ? xmpp::stanza_error("service-unavailable") : storage_error(why);
}

}  // namespace

Shard::Shard(Node& node, Executor& executor, std::unique_ptr<storage::Stores> stores, std::size_t index)
    : refusal_log(executor.clock()),
      node_(node),
      executor_(executor),
      stores_(std::move(stores)),
      index_(index),
      bus_(node.bus, executor),
      stanza_id_key_(hmac_sha256(node.secret, "stanza ids")),
      settings_(node.settings.get()),
      rooms_(std::make_unique<RoomService>(*this)) {}

Shard::~Shard() = default;

std::string Shard::stanza_id_of(const xmpp::Jid& user, std::string_view origin) const {
    const auto hash = HashStream().add(stanza_id_key_).add(user.local()).add(user.domain()).add(origin).value();
    std::array<char, 16> digits{};
    return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), hash, 16).ptr};
}

void Shard::start() {
    users_timer_ = executor_.after(users_swept_every, [this] { sweep_users(); });
}

void Shard::shut_down() {
    const auto streams = streams_;
    for (const auto& [raw, stream] : streams) raw->close_for_shutdown();
    streams_timer_.cancel();
    users_timer_.cancel();
}

const Settings& Shard::settings() {
    if (const auto version = node_.settings.version(); version != settings_version_) {
        settings_version_ = version;
        settings_ = node_.settings.get();
    }
    return *settings_;
}

bool Shard::available(const xmpp::Jid& user) const {
    const auto* loaded = loaded_user(user);
    return loaded && loaded->has_available();
}

bool Shard::shows_xhtml(const xmpp::Jid& user) const {
    const auto* loaded = loaded_user(user);
    if (!loaded) return false;
    const auto& sessions = loaded->sessions();
    return std::any_of(sessions.begin(), sessions.end(), [](const auto& session) { return session->shows_xhtml; });
}

void Shard::reception(const xmpp::Jid& user, const xmpp::Jid& sender, Function<void(Result<im::Reception>)> then) {
    if (is_room_domain(user.domain())) return rooms_->reception(user, std::move(then));
    const auto of = [sender](const User& found) {
        const bool unheard = found.blocks(sender);
        if (found.is_full(unheard)) return im::Reception::full;
        return unheard ? im::Reception::unheard : im::Reception::open;
    };
    if (const auto* loaded = loaded_user(user)) return then(of(*loaded));
    with_user(user, [of, then = std::move(then)](const Result<User*>& found) {
        if (found) return then(of(**found));
        if (found.error().code == Errc::not_found) return then(im::Reception::nobody);
        then(found.error());
    });
}

bool Shard::is_local(std::string_view domain) const {
    return settings_->domains.contains(domain) || is_room_domain(domain);
}

bool Shard::is_room_domain(std::string_view domain) const {
    return settings_->room_domains.contains(domain);
}

std::size_t Shard::shard_of(const xmpp::Jid& user) const {
    return node_.bus.shard_of(cluster::slot_of(user));
}

// --- users
// ---------------------------------------------------------------------------------------------------------------

User* Shard::loaded_user(const xmpp::Jid& user) const {
    const auto found = users_.find(user.is_bare() ? user : user.bare());
    return found == users_.end() ? nullptr : found->second.get();
}

void Shard::with_user(const xmpp::Jid& user, Function<void(Result<User*>)> then) {
    if (auto* loaded = loaded_user(user)) return then(loaded);
    const auto bare = user.bare();
    auto& waiting = loading_[bare];
    waiting.push_back(std::move(then));
    if (waiting.size() > 1) return;
    // All is asked for at once: mostly one turn of a reader's thread instead of three.
    struct Found {
        int missing = 4;
        std::optional<Error> trouble;  // not_found, or the store's
        im::Roster roster;
        im::UserPolicy policy;
        std::optional<storage::SpoolUsage> usage;  // may come later: only who stores a message needs it
    };
    auto found = std::make_shared<Found>();
    auto one_is_there = [this, bare, found] {
        if (--found->missing > 0) return;
        auto loaded = [&]() -> Result<User*> {
            if (found->trouble) return *found->trouble;
            auto fresh =
                std::make_unique<User>(*this, bare, std::move(found->roster), std::move(found->policy), found->usage);
            fresh->last_used = clock().now();
            return (users_[bare] = std::move(fresh)).get();
        }();
        const auto callers = std::move(loading_[bare]);
        loading_.erase(bare);
        for (const auto& caller : callers) caller(loaded);
    };
    auto with_account = [found, one_is_there](const Result<storage::Account>& account) {
        if (!account) found->trouble = account.error();
        one_is_there();
    };
    auto with_roster = [found, one_is_there](Result<im::Roster> roster) {
        if (roster)
            found->roster = *std::move(roster);
        else if (!found->trouble)  // without an account there is nothing to look for
            found->trouble = roster.error();
        one_is_there();
    };
    auto with_policy = [found, one_is_there](Result<im::UserPolicy> policy) {
        if (policy)
            found->policy = *std::move(policy);
        else if (!found->trouble)  // nobody is let in because the list cannot be read
            found->trouble = policy.error();
        one_is_there();
    };
    auto with_usage = [found, one_is_there](const Result<storage::SpoolUsage>& usage) {
        if (usage) found->usage = *usage;
        one_is_there();
    };
    stores_->accounts().load(bare, std::move(with_account));
    stores_->rosters().load(bare, std::move(with_roster));
    stores_->user_policies().load(bare, std::move(with_policy));
    stores_->spool().usage(bare, std::move(with_usage));
}

void Shard::forget_user(const xmpp::Jid& user) {
    const auto found = users_.find(user.bare());
    if (found == users_.end()) return;
    const auto sessions = found->second->sessions();
    for (const auto& session : sessions) {
        if (session->stream())
            session->stream()->close("not-authorized", "the account has been removed or its password changed");
        else
            found->second->end(*session);
    }
    users_.erase(user.bare());
}

void Shard::reload_user(const xmpp::Jid& user) {
    stores_->rosters().load(user.bare(), [this, user](Result<im::Roster> roster) {
        if (auto* loaded = loaded_user(user); loaded && roster) loaded->replace_roster(*std::move(roster));
    });
}

void Shard::reload_policy(const xmpp::Jid& user) {
    stores_->user_policies().load(user.bare(), [this, user](Result<im::UserPolicy> policy) {
        if (auto* loaded = loaded_user(user); loaded && policy) loaded->replace_policy(*std::move(policy));
    });
}

// --- streams
// ---------------------------------------------------------------------------------------------------------------

void Shard::accept(std::unique_ptr<net::Connection> connection, bool direct_tls, AddressLimits::Place place) {
    auto stream = std::make_shared<C2sStream>(*this, std::move(connection), std::move(place));
    auto* raw = stream.get();
    streams_.emplace(raw, std::move(stream));
    raw->start(direct_tls);
}

void Shard::adopt(std::shared_ptr<C2sStream> stream) {
    auto* raw = stream.get();
    streams_.emplace(raw, std::move(stream));
    stream_woke(*raw);
}

std::shared_ptr<C2sStream> Shard::release(C2sStream& stream) {
    const auto found = streams_.find(&stream);
    auto out = std::move(found->second);
    streams_.erase(found);
    return out;
}

void Shard::stream_closed(C2sStream& stream) {
    // It may be in the middle of one of its own calls: destroyed once this turn is over.
    if (const auto found = streams_.find(&stream); found != streams_.end()) {
        executor_.post([gone = std::move(found->second)] {});
        streams_.erase(found);
    }
}

void Shard::end_later(Session& session, std::string condition, std::string text) {
    executor_.post([weak = session.weak_from_this(), condition = std::move(condition), text = std::move(text)] {
        const auto ended = weak.lock();
        if (!ended) return;
        if (ended->stream())
            ended->stream()->close(condition, text);
        else
            ended->user().end(*ended);
    });
}

void Shard::stream_woke(C2sStream& stream) {
    awake_.push_back(&stream);
    if (awake_.size() == 1) streams_timer_ = executor_.after(streams_swept_every, [this] { sweep_streams(); });
}

void Shard::sweep_streams() {
    std::erase_if(awake_, [this](C2sStream* stream) { return !streams_.contains(stream) || !stream->sweep(); });
    if (!awake_.empty()) streams_timer_ = executor_.after(streams_swept_every, [this] { sweep_streams(); });
}

void Shard::sweep_users() {
    const auto now = clock().now();
    std::erase_if(users_, [&](const auto& entry) {
        return entry.second->sessions().empty() && now - entry.second->last_used > user_kept;
    });
    rooms_->sweep();
    users_timer_ = executor_.after(users_swept_every, [this] { sweep_users(); });
}

// --- routing: the sender's side
// ----------------------------------------------------------------------------------------------

void Shard::route(im::Envelope envelope, im::Settled settled) {
    if (!is_local(envelope.to.domain())) return route_remote(std::move(envelope), std::move(settled));
    if (envelope.to.local().empty()) return settled(xmpp::stanza_error("service-unavailable"));
    const auto slot = cluster::slot_of(envelope.to);
    bus_.hand(slot, std::move(envelope), std::move(settled));
}

bool Shard::undecided(const std::string& domain) {
    if (!wayless_.empty() && wayless_.contains(domain)) return true;  // behind the others
    return node_.transports && settings().policy.route(domain) == im::Transport::automatic;
}

// Which protocol a domain speaks is asked of DNS once; what comes until the answer is there waits, in order.
void Shard::wait_for_way(const std::string& domain, Function<void(const im::Outcome&)> again) {
    auto waiting = wayless_.find(domain);
    if (waiting == wayless_.end()) {
        waiting = wayless_.try_emplace(domain).first;
        node_.transports->find(executor_, domain,
                               [this, domain](Result<im::Transport> way) { way_found(domain, way); });
    }
    if (waiting->second.size() >= settings().limits.s2s_queue_stanzas)
        again(xmpp::stanza_error("resource-constraint", "too much is waiting for " + domain));
    else
        waiting->second.push_back(std::move(again));
}

void Shard::way_found(const std::string& domain, const Result<im::Transport>& way) {
    const auto waiting = wayless_.extract(domain);
    im::Outcome refusal = im::accepted;
    if (!way) {
        const bool not_now = way.error().code == Errc::timed_out || way.error().code == Errc::closed;
        refusal = xmpp::stanza_error(not_now ? "remote-server-timeout" : "remote-server-not-found", way.error().detail);
    }
    if (!waiting.empty())
        for (const auto& again : waiting.mapped()) again(refusal);
}

void Shard::send(im::Envelope envelope) {
    if (!is_local(envelope.to.domain())) {
        if (undecided(envelope.to.domain())) {
            const auto domain = envelope.to.domain();
            auto again = [this, envelope = std::move(envelope)](const im::Outcome& refused) mutable {
                if (!refused) return send(std::move(envelope));
                if (envelope.stanza->is_request()) send(envelope.stanza->error(*refused));
            };
            return wait_for_way(domain, std::move(again));
        }
        const auto transport = settings().policy.route(envelope.to.domain());
        auto* remote = transport == im::Transport::sip ? sip_domains : xmpp_domains;
        const auto stanza = envelope.stanza;
        if (transport && remote) return to_remote(*remote, std::move(envelope));
        if (trace::on(*this)) trace::step(*this, envelope, "not-allowed", {{"domain", envelope.to.domain()}});
        if (stanza->is_request()) send(stanza->error(xmpp::stanza_error("remote-server-not-found")));
        return;
    }
    if (envelope.to.local().empty()) {
        if (!envelope.stanza->is_request()) return;
        if (is_room_domain(envelope.to.domain())) return rooms_->answer_for_service(*envelope.stanza);
        return answer_for_server(*this, *envelope.stanza);
    }
    const auto slot = cluster::slot_of(envelope.to);
    bus_.cast(slot, std::move(envelope));
}

void Shard::to_remote(im::RemoteDomains& remote, im::Envelope envelope) {
    const auto stanza = envelope.stanza;
    remote.deliver(std::move(envelope), [this, stanza](im::Outcome outcome) {
        if (outcome && stanza->is_request()) send(stanza->error(*outcome));
    });
}

void Shard::route_remote(im::Envelope envelope, im::Settled settled) {
    if (undecided(envelope.to.domain())) {
        const auto domain = envelope.to.domain();
        if (trace::on(*this)) trace::step(*this, envelope, "asks-dns", {{"domain", domain}});
        return wait_for_way(domain, [this, envelope = std::move(envelope),
                                     settled = std::move(settled)](const im::Outcome& refused) mutable {
            refused ? settled(refused) : route_remote(std::move(envelope), std::move(settled));
        });
    }
    const auto transport = settings().policy.route(envelope.to.domain());
    if (trace::on(*this)) {
        trace::Facts facts{{"domain", envelope.to.domain()}};
        if (transport) facts.emplace_back("way", transport == im::Transport::sip ? "SIP" : "XMPP");
        trace::step(*this, envelope, transport ? "allowed" : "not-allowed", std::move(facts));
    }
    if (!transport)
        return settled(
            xmpp::stanza_error("not-allowed", "exchange with " + envelope.to.domain() + " is not allowed here"));
    // What rooms send was asked nowhere else.
    if (auto closed = closed_from_here(*envelope.stanza, envelope.to.domain())) {
        if (trace::on(*this)) trace::step(*this, envelope, "closed-out", {{"domain", envelope.to.domain()}});
        return settled(std::move(closed));
    }
    auto* remote = *transport == im::Transport::sip ? sip_domains : xmpp_domains;
    if (!remote) return settled(xmpp::stanza_error("remote-server-not-found"));
    // Who cannot enter a room by an invitation is in it by a conversation with it.
    if (*transport == im::Transport::sip)
        if (auto mediated = im::as_mediated(*envelope.stanza); mediated && is_room_domain(mediated->to.domain())) {
            auto again = im::envelope(*std::move(mediated));
            again.durable = envelope.durable;
            again.origin = std::move(envelope.origin);
            return route(std::move(again), std::move(settled));
        }
    if (!envelope.durable || envelope.stanza->kind != Stanza::Kind::message)
        return remote->deliver(std::move(envelope), std::move(settled));

    storage::OutboundStanza row;
    row.from = envelope.stanza->from;
    row.to = envelope.to;
    row.received = clock().wall();
    row.origin = envelope.origin.empty() ? random().hex(16) : envelope.origin;
    envelope.origin = row.origin;  // as it will be after a restart
    xmpp::write(row.stanza, *envelope.stanza, {});
    auto stored = [this, remote, envelope = std::move(envelope),
                   settled = std::move(settled)](Result<storage::OutboxStore::Appended> appended) mutable {
        if (!appended) return settled(storage_error(appended.error()));
        crash_point("outbox.committed");
        if (trace::on(*this))
            trace::step(*this, envelope, appended->duplicate ? "repeated" : "outbox",
                        {{"row", std::to_string(appended->id)}});
        settled(im::accepted);
        crash_point("outbox.acknowledged");
        if (appended->duplicate) return;
        envelope.outbox_id = appended->id;
        deliver_from_outbox(*remote, std::move(envelope));
    };
    stores_->outbox().append(std::move(row), std::move(stored));
}

void Shard::deliver_from_outbox(im::RemoteDomains& remote, im::Envelope envelope) {
    const auto stanza = envelope.stanza;
    const auto id = envelope.outbox_id;
    const auto origin = envelope.origin;
    remote.deliver(std::move(envelope), [this, stanza, id, origin](im::Outcome outcome) {
        if (trace::on(*this)) {
            if (outcome)
                trace::step(
                    *this, *stanza, stanza->to, origin, "failed",
                    {{"why", outcome->condition + (outcome->text.empty() ? std::string() : ": " + outcome->text)}});
            else
                trace::step(*this, *stanza, stanza->to, origin, "outbox-done", {{"row", std::to_string(id)}});
        }
        auto remove = [this, id] { stores_->outbox().remove({id}, [](Result<>) {}); };
        if (!outcome || stanza->is_error()) return remove();
        tell_sender(stanza, origin, *outcome, remove);
    });
}

// Before the row goes, so that no crash in between swallows both. An error is for a client that is there (RFC
// 6121 8.5): whoever has gone meanwhile gets a message of ours instead, which waits like any other.
void Shard::tell_sender(const std::shared_ptr<const Stanza>& stanza, const std::string& origin,
                        const xmpp::StanzaError& why, Function<void()> then) {
    auto error = im::envelope(stanza->error(why));
    const auto* user = loaded_user(stanza->from);
    const auto* session = user ? user->session(stanza->from.resource()) : nullptr;
    const bool there = session && session->stream();  // one that only might be resumed is not
    if (!there && im::is_stored_offline(*stanza) && !is_room_domain(stanza->from.domain())) {
        error = im::envelope(notice_of(*stanza, why));
        error.origin = "undelivered " + origin;
    }
    error.durable = true;
    route(std::move(error), [then = std::move(then)](const im::Outcome&) { then(); });
}

Stanza Shard::notice_of(const Stanza& lost, const xmpp::StanzaError& why) {
    constexpr std::size_t most_quoted = 200;
    auto text = lost.text_of("body");
    if (text.size() > most_quoted) {
        text.resize(most_quoted);
        while (!text.empty() && !is_utf8(text)) text.pop_back();
        text += "...";
    }
    Stanza notice;
    notice.kind = Stanza::Kind::message;
    notice.from = lost.from.domain_jid();
    notice.to = lost.from.bare();
    notice.id = random().hex(8);
    const auto reason = why.text.empty() ? why.condition : why.text;
    for (const auto& sentence :
         settings().sentences("notice.not-delivered", {lost.to.bare().to_string(), reason, text})) {
        auto& body = notice.add(xml::Element(xmpp::ns::client, "body").with_text(sentence.text));
        if (notice.lang.empty())
            notice.lang = sentence.language;
        else
            body.set("lang", sentence.language, xmpp::ns::xml);
    }
    return notice;
}

// What was acknowledged before a restart and had not left: each row goes on from its sender's shard.
void Shard::resume_outbox(Function<void()> done) {
    stores_->outbox().load_all([this, done = std::move(done)](Result<std::vector<storage::OutboundStanza>> rows) {
        done();
        if (!rows) return;
        for (auto& row : *rows) {
            auto element = xml::parse_document(row.stanza);
            auto stanza = element ? Stanza::decode(*std::move(element)) : Result<Stanza>(element.error());
            if (!stanza) continue;
            auto envelope = im::envelope(*std::move(stanza));
            envelope.to = row.to;
            envelope.origin = row.origin;
            envelope.durable = true;
            envelope.outbox_id = row.id;
            auto* owner = node_.shards[shard_of(row.from)];
            owner->executor().dispatch(
                [owner, envelope = std::move(envelope)]() mutable { owner->deliver_again(std::move(envelope)); });
        }
    });
}

void Shard::deliver_again(im::Envelope envelope) {
    if (undecided(envelope.to.domain())) {
        const auto domain = envelope.to.domain();
        return wait_for_way(domain, [this, envelope = std::move(envelope)](const im::Outcome& refused) mutable {
            refused ? bounce(envelope, *refused) : deliver_again(std::move(envelope));
        });
    }
    const auto transport = settings().policy.route(envelope.to.domain());
    auto* remote = transport == im::Transport::sip ? sip_domains : xmpp_domains;
    if (transport && remote) return deliver_from_outbox(*remote, std::move(envelope));
    bounce(envelope, xmpp::stanza_error("remote-server-not-found"));  // the partner was removed meanwhile
}

// The sender of what waits in the outbox is told; then its row goes.
void Shard::bounce(const im::Envelope& envelope, const xmpp::StanzaError& why) {
    tell_sender(envelope.stanza, envelope.origin, why,
                [this, id = envelope.outbox_id] { stores_->outbox().remove({id}, [](Result<>) {}); });
}

// --- routing: the owner's side
// ---------------------------------------------------------------------------------------------

im::Outcome Shard::closed_from_here(const xmpp::Stanza& stanza, const std::string& domain) {
    if (!im::begins(stanza) || settings().policy.may_begin(domain, false)) return im::accepted;
    return xmpp::stanza_error("not-allowed", "nothing may be sent to " + domain + " from here");
}

im::Outcome Shard::closed_to(const xmpp::Stanza& stanza) {
    const auto& domain = stanza.from.domain();
    if (domain.empty() || is_local(domain) || !im::begins(stanza) || settings().policy.may_begin(domain, true))
        return im::accepted;
    const auto& policy = settings().policy;
    auto refusal = im::one_way_refusal(policy, domain);
    refusal.local = stanza.to.domain();
    refusal.protocol = policy.route(domain) == im::Transport::sip ? "SIP" : "XMPP";
    refusal.condition = "not-allowed";
    const bool known = policy.names(refusal.partner);
    const auto noted = node().refusals.note(std::move(refusal), known, clock().wall(), random());
    return xmpp::stanza_error("not-allowed", im::told(noted.why, noted.reference, settings().disclose_reasons));
}

void Shard::on_hand(im::Envelope envelope, im::Settled settled) {
    if (auto closed = closed_to(*envelope.stanza)) {
        if (trace::on(*this)) trace::step(*this, envelope, "closed-in", {{"domain", envelope.stanza->from.domain()}});
        return settled(std::move(closed));
    }
    if (is_room_domain(envelope.to.domain())) return rooms_->on_hand(std::move(envelope), std::move(settled));
    if (auto* user = loaded_user(envelope.to)) {  // the usual case, without a closure
        if (envelope.stanza->kind == Stanza::Kind::message)
            user->receive_message(std::move(envelope), std::move(settled));
        else
            user->receive_presence(envelope, std::move(settled));
        return;
    }
    const auto to = envelope.to;
    with_user(to, [envelope = std::move(envelope), settled = std::move(settled)](const Result<User*>& user) mutable {
        if (!user) return settled(absence(user.error()));
        if (envelope.stanza->kind == Stanza::Kind::message)
            (*user)->receive_message(std::move(envelope), std::move(settled));
        else
            (*user)->receive_presence(envelope, std::move(settled));
    });
}

void Shard::on_cast(im::Envelope envelope) {
    if (const auto closed = closed_to(*envelope.stanza)) {
        if (trace::on(*this)) trace::step(*this, envelope, "closed-in", {{"domain", envelope.stanza->from.domain()}});
        if (envelope.stanza->is_request()) send(envelope.stanza->error(*closed));
        return;
    }
    if (is_room_domain(envelope.to.domain())) return rooms_->on_cast(envelope);
    const auto deliver = [](User& user, const im::Envelope& e) {
        if (e.stanza->kind == Stanza::Kind::iq)
            user.receive_iq(e);
        else
            user.receive_presence(e, [](im::Outcome) {});
    };
    if (auto* user = loaded_user(envelope.to)) return deliver(*user, envelope);
    const auto& stanza = *envelope.stanza;
    // Nobody is there to hear presence or a result; a probe or a request must be answered from the store.
    if (stanza.kind == Stanza::Kind::presence && stanza.type != "probe") return;
    if (stanza.kind == Stanza::Kind::iq && !stanza.is_request()) return;
    const auto to = envelope.to;
    with_user(to, [this, deliver, envelope = std::move(envelope)](const Result<User*>& user) {
        if (user) return deliver(**user, envelope);
        const auto& unanswered = *envelope.stanza;
        if (unanswered.is_request()) return send(unanswered.error(absence(user.error())));
        // RFC 6121 4.3.2.1: as to somebody who may not know.
        if (unanswered.type == "probe" && user.error().code == Errc::not_found) {
            auto none = unanswered.reply("unsubscribed");
            none.from = envelope.to.bare();
            none.to = unanswered.from.bare();
            none.id.clear();
            send(std::move(none));
        }
    });
}

}  // namespace parley::server
