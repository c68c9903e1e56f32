#include "im/roster_iq.hpp"
#include "im/subscription.hpp"
#include "server/module/modules.hpp"
#include "server/presence.hpp"
#include "server/session.hpp"
#include "server/shard.hpp"
#include "server/user.hpp"

namespace parley::server {
namespace {

void refuse(const IqRequest& request, const xmpp::StanzaError& error) {
    request.shard.send(request.stanza.error(error));
}

// RFC 6121 2.5.2: removing a contact also ends the subscriptions, both ways.
void remove_contact(const IqRequest& request, const xmpp::Jid& contact) {
    auto& user = *request.user;
    auto removal = im::removal(user.roster().find(contact), user.manner(contact));
    if (!removal) return request.refuse("item-not-found");
    if (user.blocks(contact)) removal->unsubscribe = false;
    auto then = [&shard = request.shard, stanza = request.stanza, jid = user.jid(), contact,
                 removal = *removal](Result<> done) {
        const IqRequest again{shard, stanza};
        auto* now = shard.loaded_user(jid);
        if (!done || !now) return again.refuse("internal-server-error");
        push_roster_item(*now, contact);
        again.answer();
        const auto send = [&](im::SubscriptionType type) {
            xmpp::Stanza presence;
            presence.kind = xmpp::Stanza::Kind::presence;
            presence.type = im::to_string(type);
            presence.from = jid;
            presence.to = contact;
            shard.route(im::envelope(std::move(presence)), [](im::Outcome) {});
        };
        if (removal.unsubscribe) send(im::SubscriptionType::unsubscribe);
        if (removal.unsubscribed) send(im::SubscriptionType::unsubscribed);
        if (removal.subscribed) send(im::SubscriptionType::subscribed);
        if (removal.send_unavailable) show_presence(shard, *now, contact, false);
    };
    user.change_roster({removal->left}, std::move(then));
}

}  // namespace

void roster_get(const IqRequest& request) {
    request.own->interested = true;
    if (auto query = im::answer_roster_get(request.user->roster(), request.payload()))
        request.answer(*std::move(query));
    else
        request.answer();
}

void roster_set(const IqRequest& request) {
    const auto decoded = im::decode_roster_set(request.payload(), request.user->jid());
    if (const auto* error = std::get_if<xmpp::StanzaError>(&decoded)) return refuse(request, *error);
    const auto& set = std::get<im::RosterSet>(decoded);
    if (set.remove) return remove_contact(request, set.contact);
    auto applied = im::apply_roster_set(request.user->roster(), set, request.shard.settings().limits.roster_items);
    if (const auto* error = std::get_if<xmpp::StanzaError>(&applied)) return refuse(request, *error);
    auto then = [&shard = request.shard, stanza = request.stanza, jid = request.user->jid(),
                 contact = set.contact](Result<> done) {
        const IqRequest again{shard, stanza};
        auto* now = shard.loaded_user(jid);
        if (!done || !now) return again.refuse("internal-server-error");
        push_roster_item(*now, contact);
        again.answer();
    };
    request.user->change_roster({std::get<im::RosterItem>(std::move(applied))}, std::move(then));
}

}  // namespace parley::server
