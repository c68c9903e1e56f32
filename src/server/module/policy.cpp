#include "server/module/modules.hpp"
#include "server/module/policy_request.hpp"
#include "server/session.hpp"
#include "server/shard.hpp"
#include "server/user.hpp"

namespace parley::server {

im::PolicyAuthor author(const IqRequest& request, im::DecidedBy by) {
    return {request.user->jid(), by, request.shard.clock().wall()};
}

void change_policy(const IqRequest& request, im::PolicyRequest asked) {
    if (const auto* wrong = std::get_if<xmpp::StanzaError>(&asked))
        return request.shard.send(request.stanza.error(*wrong));
    auto& change = std::get<im::PolicyChange>(asked);
    if (change.empty()) return request.answer();
    if (!im::has_room(request.user->policy(), change, request.shard.settings().limits.policy_entries))
        return request.refuse("resource-constraint", "Your list is full.");
    auto then = [&shard = request.shard, stanza = request.stanza](const Result<>& stored) {
        const IqRequest again{shard, stanza};
        stored ? again.answer() : again.refuse("internal-server-error");
    };
    request.user->change_policy(std::move(change), std::move(then));
}

void policy_get(const IqRequest& request) {
    request.own->asked_policy = true;
    request.answer(im::encode_policy(request.user->policy()));
}

void policy_set(const IqRequest& request) {
    const auto by = request.own->native ? im::DecidedBy::native_client : im::DecidedBy::client;
    change_policy(request, im::decode_policy_set(request.payload(), author(request, by)));
}

}  // namespace parley::server
