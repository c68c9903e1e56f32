#include "server/module/modules.hpp"
#include "server/shard.hpp"
#include "xmpp/payload/software_version.hpp"

namespace parley::server {

void version(const IqRequest& request) {
    xmpp::SoftwareVersion answer;
    answer.name = "parley";
    answer.version = request.shard.node().version;
    request.answer(xmpp::Codec<xmpp::SoftwareVersion>::encode(answer));
}

}  // namespace parley::server
