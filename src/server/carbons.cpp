#include "server/carbons.hpp"

#include <algorithm>

#include "im/message_rules.hpp"
#include "server/session.hpp"
#include "server/user.hpp"
#include "xmpp/ns.hpp"
#include "xmpp/payload/stanza_id.hpp"

namespace parley::server {
namespace {

im::Envelope wrap(const xmpp::Stanza& message, std::string_view direction, const xmpp::Jid& user,
                  const std::string& stanza_id) {
    xmpp::Stanza copy;
    copy.kind = xmpp::Stanza::Kind::message;
    copy.type = message.type;
    copy.from = user;
    auto& forwarded = copy.add(xml::Element(xmpp::ns::carbons, direction))
                          .add(xml::Element(xmpp::ns::forward, "forwarded"))
                          .add(message.encode());
    if (!stanza_id.empty()) forwarded.add(xmpp::encode(xmpp::StanzaId{stanza_id, user}));
    return im::envelope(std::move(copy));
}

void send_copies(User& user, im::Envelope envelope, const std::vector<std::string>& to) {
    for (const auto& resource : to)
        if (auto* session = user.session(resource)) {
            envelope.to = session->jid();
            session->deliver(envelope);
        }
}

}  // namespace

void send_sent_carbons(Session& sender, const xmpp::Stanza& message) {
    const auto& sessions = sender.user().sessions();
    if (std::none_of(sessions.begin(), sessions.end(), [](const auto& s) { return s->carbons; })) return;
    std::vector<im::ResourceState> others;
    others.reserve(sessions.size());
    for (const auto& s : sessions) others.push_back({s->jid().resource(), s->available(), s->priority, s->carbons});
    send_copies(sender.user(), wrap(message, "sent", sender.user().jid(), {}), im::sent_copies(message, others));
}

void send_received_carbons(User& user, const im::Envelope& message, const std::vector<std::string>& to) {
    send_copies(user, wrap(*message.stanza, "received", user.jid(), message.stanza_id), to);
}

}  // namespace parley::server
