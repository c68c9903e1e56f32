#include "im/disco.hpp"

#include <algorithm>

#include "im/caps.hpp"

namespace parley::im {
namespace {

namespace ns = xmpp::ns;

std::vector<std::string> with_disco(std::vector<std::string> features) {
    features.emplace_back(ns::disco_info);
    features.emplace_back(ns::disco_items);
    std::sort(features.begin(), features.end());
    features.erase(std::unique(features.begin(), features.end()), features.end());
    return features;
}

}  // namespace

xmpp::DiscoInfo ServerDisco::info() const {
    return {{}, {{"server", "im", name, {}}}, with_disco(features), {}};
}

xmpp::Caps ServerDisco::caps() const {
    return {"sha-1", caps_node, caps_verification(info()).value_or("")};
}

DiscoAnswer answer_server_disco(const ServerDisco& server, const xml::Element& query) {
    const std::string node(query.attribute("node"));
    if (query.is(ns::disco_items, "query")) {
        if (!node.empty()) return xmpp::stanza_error("item-not-found");
        return encode(xmpp::DiscoItems{{}, server.items});
    }
    if (!node.empty()) {  // XEP-0115 6.2: asked by the hash that was announced
        const auto caps = server.caps();
        if (node != caps.node + "#" + caps.ver) return xmpp::stanza_error("item-not-found");
    }
    auto info = server.info();
    info.node = node;
    return encode(info);
}

DiscoAnswer answer_account_disco(bool user_exists, bool may_see, const std::vector<std::string>& features,
                                 const xml::Element& query) {
    if (!user_exists || !may_see) return xmpp::stanza_error("service-unavailable");
    if (query.has_attribute("node") && !query.attribute("node").empty()) return xmpp::stanza_error("item-not-found");
    if (query.is(ns::disco_items, "query")) return encode(xmpp::DiscoItems{});
    return encode(xmpp::DiscoInfo{{}, {{"account", "registered", {}, {}}}, with_disco(features), {}});
}

}  // namespace parley::im
