#include "im/disco.hpp"

#include "server/module/modules.hpp"
#include "server/shard.hpp"
#include "server/user.hpp"
#include "xmpp/ns.hpp"

namespace parley::server {
namespace {

std::vector<std::string> names(std::span<const std::string_view> features) {
    return {features.begin(), features.end()};
}

const im::ServerDisco& server_disco() {
    static const im::ServerDisco disco{.features = names(server_features()), .items = {}};
    return disco;
}

// Who may know that there is such a user: the user, and who may see when it is there.
bool may_see(const User& user, const xmpp::Jid& asker) {
    if (asker.same_bare(user.jid())) return true;
    const auto* item = user.roster().find(asker.bare());
    return item && item->lets_in();
}

void answer(const IqRequest& request, im::DiscoAnswer answer) {
    if (auto* payload = std::get_if<xml::Element>(&answer)) return request.answer(std::move(*payload));
    request.shard.send(request.stanza.error(std::get<xmpp::StanzaError>(answer)));
}

}  // namespace

const xmpp::Caps& server_caps() {
    static const xmpp::Caps caps = server_disco().caps();
    return caps;
}

void disco(const IqRequest& request) {
    const auto* user = request.user;
    if (!user) {
        auto disco = server_disco();
        for (const auto& [rooms, domain] : request.shard.settings().room_domains)
            if (domain == request.stanza.to.domain())
                if (auto jid = xmpp::Jid::parse(rooms)) disco.items.push_back({*std::move(jid), {}, "Rooms"});
        return answer(request, im::answer_server_disco(disco, request.payload()));
    }
    answer(request, im::answer_account_disco(true, may_see(*user, request.stanza.from), names(account_features()),
                                             request.payload()));
}

}  // namespace parley::server
