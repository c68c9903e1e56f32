#include "server/module/modules.hpp"
#include "server/session.hpp"

namespace parley::server {

void carbons_enable(const IqRequest& request) {
    request.own->carbons = true;
    request.answer();
}

void carbons_disable(const IqRequest& request) {
    request.own->carbons = false;
    request.answer();
}

}  // namespace parley::server
