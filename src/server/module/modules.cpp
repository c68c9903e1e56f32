#include "server/module/modules.hpp"

#include <array>

#include "server/session.hpp"
#include "server/shard.hpp"
#include "server/user.hpp"
#include "xmpp/ns.hpp"

namespace parley::server {

using xmpp::Stanza;

namespace {

constexpr std::array modules{
    IqModule{Asked::server, "get", {xmpp::ns::ping, "ping"}, ping},
    IqModule{Asked::account, "get", {xmpp::ns::ping, "ping"}, ping},
    IqModule{Asked::server, "get", {xmpp::ns::version, "query"}, version},
    IqModule{Asked::server, "get", {xmpp::ns::time, "time"}, entity_time},
    IqModule{Asked::server, "get", {xmpp::ns::disco_info, "query"}, disco},
    IqModule{Asked::server, "get", {xmpp::ns::disco_items, "query"}, disco},
    IqModule{Asked::account, "get", {xmpp::ns::disco_info, "query"}, disco},
    IqModule{Asked::account, "get", {xmpp::ns::disco_items, "query"}, disco},
    IqModule{Asked::own_account, "get", {xmpp::ns::roster, "query"}, roster_get},
    IqModule{Asked::own_account, "set", {xmpp::ns::roster, "query"}, roster_set},
    IqModule{Asked::account, "get", {xmpp::ns::vcard, "vCard"}, vcard_get},
    IqModule{Asked::own_account, "set", {xmpp::ns::vcard, "vCard"}, vcard_set},
    IqModule{Asked::own_account, "get", {xmpp::ns::blocking, "blocklist"}, block_list},
    IqModule{Asked::own_account, "set", {xmpp::ns::blocking, "block"}, block},
    IqModule{Asked::own_account, "set", {xmpp::ns::blocking, "unblock"}, unblock},
    IqModule{Asked::own_account, "get", {xmpp::ns::privacy, "query"}, privacy_get},
    IqModule{Asked::own_account, "set", {xmpp::ns::privacy, "query"}, privacy_set},
    IqModule{Asked::own_account, "get", {xmpp::ns::policy, "policy"}, policy_get},
    IqModule{Asked::own_account, "set", {xmpp::ns::policy, "policy"}, policy_set},
    IqModule{Asked::own_account, "set", {xmpp::ns::carbons, "enable"}, carbons_enable},
    IqModule{Asked::own_account, "set", {xmpp::ns::carbons, "disable"}, carbons_disable},
    IqModule{Asked::own_account, "set", {xmpp::ns::session, "session"}, legacy_session},
    IqModule{Asked::server, "set", {xmpp::ns::session, "session"}, legacy_session},
};

constexpr std::array features_of_server{
    xmpp::ns::carbons, xmpp::ns::disco_info, xmpp::ns::disco_items, xmpp::ns::version, xmpp::ns::time,
    xmpp::ns::ping,    xmpp::ns::vcard,      xmpp::ns::blocking,    xmpp::ns::privacy, xmpp::ns::policy,
};
constexpr std::array features_of_account{
    xmpp::ns::disco_info,
    xmpp::ns::disco_items,
    xmpp::ns::ping,
    xmpp::ns::vcard,
};

void dispatch(const IqRequest& request, Asked asked) {
    const auto& payload = request.payload();
    for (const auto& module : modules) {
        if (module.type != request.stanza.type || !payload.is(module.payload)) continue;
        if (module.asked == asked || (module.asked == Asked::account && asked == Asked::own_account))
            return module.handle(request);
    }
    request.refuse("service-unavailable");
}

}  // namespace

std::span<const std::string_view> server_features() {
    return features_of_server;
}
std::span<const std::string_view> account_features() {
    return features_of_account;
}

void IqRequest::answer(xml::Element result) const {
    auto reply = stanza.reply();
    reply.add(std::move(result));
    shard.send(std::move(reply));
}

void IqRequest::answer() const {
    shard.send(stanza.reply());
}

void IqRequest::refuse(std::string_view condition, std::string_view text) const {
    shard.send(stanza.error(xmpp::stanza_error(condition, text)));
}

void answer_for_own_user(Shard& shard, Session& session, const Stanza& stanza) {
    dispatch({shard, stanza, &session.user(), &session}, Asked::own_account);
}

void answer_for_user(Shard& shard, User& user, const Stanza& stanza) {
    dispatch({shard, stanza, &user, nullptr}, Asked::account);
}

void answer_for_server(Shard& shard, const Stanza& stanza) {
    dispatch({shard, stanza, nullptr, nullptr}, Asked::server);
}

}  // namespace parley::server
