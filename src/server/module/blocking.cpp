#include "im/policy_iq.hpp"
#include "server/module/modules.hpp"
#include "server/module/policy_request.hpp"
#include "server/session.hpp"
#include "server/user.hpp"

namespace parley::server {

void block_list(const IqRequest& request) {
    request.own->asked_block_list = true;
    request.answer(im::encode_block_list(request.user->policy()));
}

void block(const IqRequest& request) {
    change_policy(request, im::decode_block(request.payload(), author(request, im::DecidedBy::blocking_command)));
}

void unblock(const IqRequest& request) {
    change_policy(request, im::decode_unblock(request.payload(), request.user->policy()));
}

}  // namespace parley::server
