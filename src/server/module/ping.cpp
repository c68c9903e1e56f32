#include "server/module/modules.hpp"

namespace parley::server {

void ping(const IqRequest& request) {
    request.answer();
}

void legacy_session(const IqRequest& request) {
    request.answer();
}

}  // namespace parley::server
