#include "sip/core.hpp"

#include "base/text.hpp"
#include "sip/core_impl.hpp"

namespace parley::sip {

CoreImpl::CoreImpl(CoreConfig config_, const Clock& clock_, Random& random_, Out& out_, User& user_)
    : config(std::move(config_)), clock(clock_), random(random_), out(out_), user(user_) {}

LocalName CoreImpl::name_for(const Uri& local, const PeerSettings& peer) const {
    LocalName name;
    name.domain = to_lower(local.host());
    name.host = config.host.empty() ? config.host_prefix + name.domain : config.host;
    name.tls = peer.tls;
    name.port = peer.tls ? config.tls_port : config.tcp_port;
    return name;
}

std::string CoreImpl::new_tag(const Uri& local) {
    return make_tag({config.cluster, user.slot_token(local)}, random);
}

Message CoreImpl::response_to(ServerTransactionId id, int status, std::string_view to_tag, std::string_view phrase) {
    auto response = make_response(*transactions.request(id), status, phrase, to_tag);
    if (!config.product.empty()) response.add(HeaderId::server, config.product);
    return response;
}

void CoreImpl::respond(ServerTransactionId id, Message response) {
    const auto link = transactions.link(id);
    const auto* request = transactions.request(id);
    if (request && request->method() == Method::benotify) return transactions.drop(id);  // it is never answered
    auto bytes = response.serialise();
    if (transactions.respond(id, response.status(), bytes, now())) out.send(link, std::move(bytes));
}

void CoreImpl::respond(ServerTransactionId id, int status, std::string_view phrase) {
    const auto* request = transactions.request(id);
    if (!request) return;
    auto response = response_to(id, status, status == 100 ? std::string{} : random.hex(8), phrase);
    switch (status) {
        case 405:
            response.add(HeaderId::allow, "INVITE, ACK, BYE, CANCEL, MESSAGE, SUBSCRIBE, NOTIFY, INFO, OPTIONS");
            break;
        case 415:
            response.add(HeaderId::accept, request->method() == Method::invite    ? "application/sdp"
                                           : request->method() == Method::message ? "text/plain"
                                                                                  : config.body_types.front());
            break;
        case 489:
            for (const auto& event : config.events) response.add(HeaderId::allow_events, event);
            break;
        default: break;
    }
    respond(id, std::move(response));
}

ClientTransactionId CoreImpl::send(const Dialog& dialog, Message request, AnswerHandler handler) {
    if (!config.product.empty()) request.add(HeaderId::user_agent, config.product);
    const auto id = transactions.start(request, dialog.name().sent_by(), std::move(handler), random, now());
    out.send_to_domain(dialog.remote_domain(), request.serialise(), id);
    return id;
}

void CoreImpl::send_without_answer(const Dialog& dialog, Message request) {
    request.add_first(HeaderId::via, dialog.name().sent_by() + ";branch=z9hG4bK" + random.hex(12));
    out.send_to_domain(dialog.remote_domain(), request.serialise(), {});
}

Core::Core(CoreConfig config, const Clock& clock, Random& random, Out& out, User& user)
    : impl_(std::make_unique<CoreImpl>(std::move(config), clock, random, out, user)) {}
Core::~Core() = default;

void Core::on_message(LinkId link, Parsed parsed) {
    impl_->on_message(link, std::move(parsed));
}

void Core::on_broken(LinkId link, std::string_view head, const Problem& problem) {
    const auto parsed = parse_head(head);
    if (!parsed || !parsed->message.is_request() || parsed->message.method() == Method::ack) return;
    impl_->out.send(link, make_response(parsed->message, problem.status, problem.phrase, {}).serialise());
}

void Core::on_link_down(LinkId link) {
    impl_->transactions.on_link_down(link);
}
void Core::on_sent(ClientTransactionId id, LinkId link) {
    impl_->transactions.on_sent(id, link, impl_->now());
}
void Core::on_send_failed(ClientTransactionId id) {
    impl_->transactions.on_send_failed(id);
}

Result<Restored> Core::restore(std::string_view row) {
    return impl_->restore(row);
}
std::optional<SteadyTime> Core::next_deadline() const {
    return impl_->next_deadline();
}
void Core::on_time() {
    impl_->on_time();
}

void Core::accept_subscription(UsageId id, Notifier::State state, SharedBody body, std::string note) {
    impl_->accept_subscription(id, state, std::move(body), std::move(note));
}

void Core::reject_subscription(UsageId id, int status) {
    auto* usage = impl_->find(id);
    if (!usage || usage->decided || usage->role != DialogRecord::Role::notifier) return;
    const auto asked = usage->asked;
    impl_->remove(id);
    impl_->respond(asked, status);
}

void Core::notify(UsageId id, Notifier::State state, SharedBody body) {
    auto* usage = impl_->find(id);
    if (!usage || !usage->notifier || !usage->decided) return;
    const bool changed = usage->notifier->state() != state;
    usage->notifier->set(state, std::move(body));
    if (!changed || !usage->stored) return impl_->pump(id);
    // That this peer may watch is known from nowhere else after a crash: it is told when that is on disk.
    ++usage->states_unstored;
    impl_->store(*usage, [impl = impl_.get(), id](bool) {
        auto* still = impl->find(id);
        if (!still) return;
        --still->states_unstored;
        impl->pump(id);
    });
}

void Core::end_subscription(UsageId id, std::string reason, std::optional<Seconds> retry_after) {
    auto* usage = impl_->find(id);
    if (!usage || !usage->notifier || !usage->decided) return;
    usage->notifier->end(std::move(reason), retry_after);
    impl_->pump(id);
}

UsageId Core::subscribe(const Uri& local, const Uri& remote, const SubscribeOptions& options) {
    return impl_->subscribe(local, remote, options);
}

void Core::refresh(UsageId id) {
    auto* usage = impl_->find(id);
    if (!usage || !usage->subscriber) return;
    usage->subscriber->refresh();
    impl_->pump(id);
}

void Core::unsubscribe(UsageId id) {
    auto* usage = impl_->find(id);
    if (!usage || !usage->subscriber) return;
    usage->subscriber->unsubscribe(impl_->now());
    impl_->pump(id);
}

void Core::abandon(UsageId id) {
    auto* usage = impl_->find(id);
    if (usage && usage->subscriber) impl_->remove(id);
}

void Core::set_note(UsageId id, std::string note) {
    auto* usage = impl_->find(id);
    if (!usage || usage->note == note) return;
    usage->note = std::move(note);
    impl_->store_again(*usage);
}

void Core::on_reachable(std::string_view domain) {
    impl_->on_reachable(domain);
}

UsageId Core::open_session(const Uri& local, const Uri& remote, std::string_view subject) {
    return impl_->open_session(local, remote, subject);
}

void Core::accept_session(UsageId id, std::string note) {
    impl_->accept_session(id, std::move(note));
}

void Core::reject_session(UsageId id, int status) {
    auto* usage = impl_->find(id);
    if (!usage || !usage->session || usage->decided || !usage->asked) return;
    const auto asked = usage->asked;
    impl_->remove(id);
    impl_->respond(asked, status);
}

void Core::close_session(UsageId id) {
    auto* usage = impl_->find(id);
    if (usage && usage->session) impl_->perform(id, usage->session->close(impl_->now()));
}

MessageId Core::send_text(UsageId session, TextToSend text) {
    auto* usage = impl_->find(session);
    if (!usage || !usage->session) return {};
    const MessageId id{++impl_->last_text};
    if (!usage->session->queue({id, std::move(text.body), std::move(text.language)})) return {};
    impl_->pump(session);
    return id;
}

bool Core::withdraw_text(UsageId session, MessageId text) {
    auto* usage = impl_->find(session);
    return usage && usage->session && usage->session->withdraw(text);
}

void Core::send_activity(UsageId session, Method method, Body body) {
    impl_->send_activity(session, method, std::move(body));
}

MessageId Core::send_pager(const Uri& local, const Uri& remote, TextToSend text) {
    return impl_->send_pager(local, remote, std::move(text));
}

void Core::answer(ServerTransactionId id, int status, std::optional<Seconds> retry_after, std::string_view words) {
    const auto* request = impl_->transactions.request(id);
    if (!request || request->method() != Method::message) return;
    if (!retry_after && words.empty()) return impl_->respond(id, status);
    auto response = impl_->response_to(id, status, impl_->random.hex(8));
    if (retry_after) response.add(HeaderId::retry_after, std::to_string(retry_after->count()));
    if (!words.empty()) add_warning(response, impl_->warn_agent(), words);
    impl_->respond(id, std::move(response));
}

std::optional<Party> Core::party(UsageId id) const {
    const auto* usage = impl_->find(id);
    if (!usage) return {};
    return impl_->party_of(*usage);
}

std::size_t Core::usages() const {
    return impl_->usages.size();
}
std::size_t Core::transactions() const {
    return impl_->transactions.server_size() + impl_->transactions.client_size();
}

}  // namespace parley::sip
