#include "im/policy_iq.hpp"
#include "server/module/modules.hpp"
#include "server/module/policy_request.hpp"
#include "server/session.hpp"
#include "server/shard.hpp"
#include "server/user.hpp"

namespace parley::server {

void privacy_get(const IqRequest& request) {
    request.own->asked_privacy_list = true;
    auto answer = im::answer_privacy_get(request.payload(), request.user->policy());
    if (auto* query = std::get_if<xml::Element>(&answer)) return request.answer(std::move(*query));
    request.shard.send(request.stanza.error(std::get<xmpp::StanzaError>(answer)));
}

void privacy_set(const IqRequest& request) {
    change_policy(request, im::decode_privacy_set(request.payload(), request.user->policy(),
                                                  author(request, im::DecidedBy::privacy_list)));
}

}  // namespace parley::server
