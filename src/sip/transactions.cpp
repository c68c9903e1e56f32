#include "sip/transactions.hpp"

#include "base/text.hpp"
#include "sip/header/cseq.hpp"
#include "sip/header/name_addr.hpp"
#include "sip/limits.hpp"

namespace parley::sip {
namespace {

constexpr char separator = '\n';  // stands in no header value

std::string_view tag_of(const Result<NameAddr>& address) {
    return address ? address->tag() : std::string_view{};
}

std::string from_domain(const Message& request) {
    const auto& from = request.from();
    return from && from->uri.is_sip() ? to_lower(from->uri.host()) : std::string{};
}

// The domain in From stands first in a key.
std::string_view domain_of(std::string_view key) {
    return key.substr(0, key.find(separator));
}

// 17.2.3. The ACK of a non-2xx belongs to its INVITE, and a CANCEL asks for it by name.
std::string server_key(const Message& request, std::string_view method) {
    const auto first = first_of_list(request.header(HeaderId::via));
    const auto via = parse_via(first);
    constexpr std::size_t usual = 128;
    std::string key;
    key.reserve(usual);
    key.append(from_domain(request)).append(1, separator);
    if (via && via->has_rfc3261_branch()) {
        key.append(via->branch()).append(1, separator).append(to_lower(via->host));
        key.append(1, separator).append(std::to_string(via->port));
    } else {
        const auto cseq = parse_cseq(request.header(HeaderId::cseq));
        key.append(first).append(1, separator).append(request.request_uri());
        key.append(1, separator).append(request.header(HeaderId::call_id));
        key.append(1, separator).append(tag_of(request.from()));
        key.append(1, separator).append(std::to_string(cseq ? cseq->number : 0));
    }
    return key.append(1, separator).append(method);
}

std::string merge_key(std::string_view domain, const Message& request) {
    const auto tag = tag_of(request.from());
    const auto call_id = request.header(HeaderId::call_id);
    const auto cseq = request.header(HeaderId::cseq);
    std::string key;
    key.reserve(domain.size() + tag.size() + call_id.size() + cseq.size() + 3);
    key.append(domain).append(1, separator).append(tag);
    return key.append(1, separator).append(call_id).append(1, separator).append(cseq);
}

std::string client_key(std::string_view branch, std::string_view method) {
    return std::string(branch).append(1, separator).append(method);
}

// 17.1.1.3: same Via, Request-URI, Call-ID, From and Route as the INVITE; To as in the response.
std::string ack_for(const Message& invite, const Message& response) {
    auto ack = Message::request("ACK", invite.request_uri());
    ack.add(HeaderId::via, invite.header(HeaderId::via));
    for (const auto route : invite.headers(HeaderId::route)) ack.add(HeaderId::route, route);
    ack.add(HeaderId::max_forwards, "70");
    ack.add(HeaderId::from, invite.header(HeaderId::from));
    ack.add(HeaderId::to, response.header(HeaderId::to));
    ack.add(HeaderId::call_id, invite.header(HeaderId::call_id));
    const auto cseq = parse_cseq(invite.header(HeaderId::cseq));
    ack.add(HeaderId::cseq, std::to_string(cseq ? cseq->number : 0) + " ACK");
    return ack.serialise();
}

}  // namespace

Transactions::Arrived Transactions::on_request(Request request, LinkId link, SteadyTime now) {
    const auto method = request->method();
    const bool is_ack = method == Method::ack;
    auto key = server_key(*request, is_ack ? "INVITE" : request->method_text());
    if (const auto known = server_keys_.find(key); known != server_keys_.end()) {
        const auto id = known->second;
        auto& server = servers_.at(id.value);
        if (is_ack) {
            const bool for_user = server.state.on_ack();
            settle(id);
            return {for_user ? Arrival::ack : Arrival::absorbed, id, {}, link};
        }
        server.link = link;  // the peer asks again on a new connection when the old one broke
        if (server.state.on_repeat() == ServerState::Repeat::resend && !server.last_response.empty())
            return {Arrival::repeat, id, server.last_response, link};
        return {Arrival::absorbed, id, {}, link};
    }
    if (is_ack) return {Arrival::ack, {}, {}, link};
    // Only what has no To tag yet can have been forked on its way and come twice.
    const bool may_merge = method != Method::cancel && tag_of(request->to()).empty();
    auto merge = may_merge ? merge_key(domain_of(key), *request) : std::string{};
    if (may_merge && merge_keys_.contains(merge)) return {Arrival::merged, {}, {}, link};
    if (servers_.size() >= limit::transactions) return {Arrival::overloaded, {}, {}, link};
    auto load = of_domain_.find(domain_of(key));
    if (load == of_domain_.end()) load = of_domain_.emplace(domain_of(key), 0).first;
    if (load->second >= limit::transactions_of_domain) return {Arrival::overloaded, {}, {}, link};
    ++load->second;
    const ServerTransactionId id{++last_id_};
    const auto* kept = &server_keys_.emplace(std::move(key), id).first->first;
    const auto* kept_merge = may_merge ? &merge_keys_.emplace(std::move(merge), id).first->first : nullptr;
    servers_.emplace(
        id.value, Server{ServerState{method == Method::invite, now}, link, kept, kept_merge, std::move(request), {}});
    settle(id);
    return {Arrival::fresh, id, {}, link};
}

const Message* Transactions::request(ServerTransactionId id) const {
    const auto server = servers_.find(id.value);
    return server == servers_.end() ? nullptr : server->second.request.get();
}

LinkId Transactions::link(ServerTransactionId id) const {
    const auto server = servers_.find(id.value);
    return server == servers_.end() ? LinkId{} : server->second.link;
}

ServerTransactionId Transactions::cancelled_by(const Message& cancel) const {
    const auto known = server_keys_.find(server_key(cancel, "INVITE"));
    if (known == server_keys_.end()) return {};
    return servers_.at(known->second.value).state.state() == ServerState::State::proceeding ? known->second
                                                                                            : ServerTransactionId{};
}

bool Transactions::respond(ServerTransactionId id, int status, const std::string& bytes, SteadyTime now) {
    const auto server = servers_.find(id.value);
    if (server == servers_.end()) return false;
    auto& state = server->second.state;
    const bool open = state.state() == ServerState::State::trying || state.state() == ServerState::State::proceeding;
    if (!open) return state.state() == ServerState::State::accepted && status >= 200 && status < 300;
    state.on_response(status, now);
    if (!state.ended()) server->second.last_response = bytes;
    settle(id);
    return true;
}

ClientTransactionId Transactions::start(Message& request, std::string_view sent_by, AnswerHandler handler,
                                        Random& random, SteadyTime now) {
    const auto branch = "z9hG4bK" + random.hex(12);
    request.add_first(HeaderId::via, std::string(sent_by) + ";branch=" + branch);
    const ClientTransactionId id{++last_id_};
    const bool invite = request.method() == Method::invite;
    const auto* key = &client_keys_.emplace(client_key(branch, request.method_text()), id).first->first;
    clients_.emplace(id.value, Client{ClientState{invite, now},
                                      {},
                                      key,
                                      std::string(request.header(HeaderId::call_id)),
                                      invite ? std::make_unique<Message>(request) : nullptr,
                                      std::move(handler)});
    settle(id);
    return id;
}

void Transactions::on_sent(ClientTransactionId id, LinkId link, SteadyTime now) {
    const auto client = clients_.find(id.value);
    if (client == clients_.end()) return;
    client->second.link = link;
    client->second.state.on_sent(now);
    settle(id);
}

Transactions::Reply Transactions::on_response(const Message& response, SteadyTime now) {
    // 8.1.3.3: a response for a UAC has one Via, its own.
    if (response.count(HeaderId::via) != 1) return {};
    const auto values = split_list(response.header(HeaderId::via));
    const auto via = parse_via(values.front());
    const auto cseq = parse_cseq(response.header(HeaderId::cseq));
    if (values.size() != 1 || !via || !cseq) return {};
    const auto known = client_keys_.find(client_key(via->branch(), cseq->method_text));
    if (known == client_keys_.end()) return {};
    const auto id = known->second;
    auto& client = clients_.at(id.value);
    if (client.call_id != response.header(HeaderId::call_id)) return {};
    const auto step = client.state.on_response(response.status(), now);
    Reply reply{id, step.ack && client.invite ? ack_for(*client.invite, response) : std::string{}};
    if (!step.deliver) return reply;
    const bool last = client.state.ended();
    // The handler may start or abandon transactions, so it is called while nothing here is being looked at.
    auto handler = std::move(client.handler);
    settle(id);
    handler({response.status(), &response, true});
    if (const auto still = clients_.find(id.value); !last && still != clients_.end())
        still->second.handler = std::move(handler);
    return reply;
}

const Message* Transactions::sent_invite(ClientTransactionId id) const {
    const auto client = clients_.find(id.value);
    return client == clients_.end() ? nullptr : client->second.invite.get();
}

bool Transactions::answered(ClientTransactionId id) const {
    const auto client = clients_.find(id.value);
    return client != clients_.end() && client->second.state.state() != ClientState::State::calling;
}

void Transactions::abandon(ClientTransactionId id) {
    const auto client = clients_.find(id.value);
    if (client == clients_.end()) return;
    client_keys_.erase(client_keys_.find(*client->second.key));
    client_deadlines_.set(id, {});
    clients_.erase(client);
}

void Transactions::fail(ClientTransactionId id, int status) {
    auto& client = clients_.at(id.value);
    auto handler = std::move(client.handler);
    const bool sent = client.link != LinkId{};
    abandon(id);
    if (handler) handler({status, nullptr, sent});
}

void Transactions::on_send_failed(ClientTransactionId id) {
    const auto client = clients_.find(id.value);
    if (client == clients_.end()) return;
    if (client->second.state.on_transport_error())
        fail(id, 503);
    else
        settle(id);
}

void Transactions::on_link_down(LinkId link) {
    std::vector<ClientTransactionId> hit;
    for (const auto& [id, client] : clients_)
        if (client.link == link) hit.push_back({id});
    for (const auto id : hit) on_send_failed(id);
}

void Transactions::drop(ServerTransactionId id) {
    const auto server = servers_.find(id.value);
    if (server == servers_.end()) return;
    server->second.state.give_up();
    settle(id);
}

std::optional<SteadyTime> Transactions::next_deadline() const {
    const auto a = server_deadlines_.next();
    const auto b = client_deadlines_.next();
    if (!a || !b) return a ? a : b;
    return std::min(*a, *b);
}

void Transactions::on_time(SteadyTime now) {
    for (const auto id : server_deadlines_.due(now)) {
        if (const auto server = servers_.find(id.value); server != servers_.end()) server->second.state.on_time(now);
        settle(id);
    }
    for (const auto id : client_deadlines_.due(now)) {
        const auto client = clients_.find(id.value);
        if (client == clients_.end()) continue;
        if (client->second.state.on_time(now))
            fail(id, 408);
        else
            settle(id);
    }
}

void Transactions::settle(ServerTransactionId id) {
    const auto server = servers_.find(id.value);
    if (server == servers_.end()) return;
    if (!server->second.state.ended()) return server_deadlines_.set(id, server->second.state.next_deadline());
    const auto key = server_keys_.find(*server->second.key);
    if (const auto load = of_domain_.find(domain_of(key->first)); load != of_domain_.end() && --load->second == 0)
        of_domain_.erase(load);
    server_keys_.erase(key);
    if (server->second.merge_key) merge_keys_.erase(merge_keys_.find(*server->second.merge_key));
    server_deadlines_.set(id, {});
    servers_.erase(server);
}

void Transactions::settle(ClientTransactionId id) {
    const auto client = clients_.find(id.value);
    if (client == clients_.end()) return;
    if (client->second.state.ended()) return abandon(id);
    client_deadlines_.set(id, client->second.state.next_deadline());
}

}  // namespace parley::sip
