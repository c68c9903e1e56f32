#include "server/module/modules.hpp"
#include "xmpp/ns.hpp"

namespace parley::server {
namespace {

xml::Element info(std::string_view category, std::string_view type, std::span<const std::string_view> features) {
    xml::Element query(xmpp::ns::disco_info, "query");
    query.add(xml::Element(xmpp::ns::disco_info, "identity"))
        .set("category", category)
        .set("type", type)
        .set("name", "parley");
    for (const auto feature : features) query.add(xml::Element(xmpp::ns::disco_info, "feature")).set("var", feature);
    return query;
}

}  // namespace

void disco_info(const IqRequest& request) {
    auto query =
        request.user ? info("account", "registered", account_features()) : info("server", "im", server_features());
    if (const auto node = request.payload().attribute("node"); !node.empty()) {
        if (request.user) return request.refuse("item-not-found");
        query.set("node", node);  // XEP-0115 6.2: a question about our capabilities
    }
    request.answer(std::move(query));
}

void disco_items(const IqRequest& request) {
    request.answer(xml::Element(xmpp::ns::disco_items, "query"));
}

}  // namespace parley::server
