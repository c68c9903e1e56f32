#include "server/module/modules.hpp"
#include "server/shard.hpp"
#include "xmpp/ns.hpp"

namespace parley::server {

void version(const IqRequest& request) {
    xml::Element query(xmpp::ns::version, "query");
    query.add(xml::Element(xmpp::ns::version, "name")).add_text("parley");
    query.add(xml::Element(xmpp::ns::version, "version")).add_text(request.shard.node().version);
    request.answer(std::move(query));
}

}  // namespace parley::server
