#include "server/module/modules.hpp"
#include "server/shard.hpp"
#include "xmpp/payload/entity_time.hpp"

namespace parley::server {

void entity_time(const IqRequest& request) {
    xmpp::EntityTime time;
    time.utc = request.shard.clock().wall();
    request.answer(xmpp::Codec<xmpp::EntityTime>::encode(time));
}

}  // namespace parley::server
