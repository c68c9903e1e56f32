#include "server/carbons.hpp"

#include <algorithm>

#include "im/message_rules.hpp"
#include "server/session.hpp"
#include "server/user.hpp"
#include "xmpp/ns.hpp"

namespace parley::server {
namespace {

im::Envelope wrap(const xmpp::Stanza& message, std::string_view direction, const xmpp::Jid& user) {
    xmpp::Stanza copy;
    copy.kind = xmpp::Stanza::Kind::message;
    copy.type = message.type;
    copy.from = user;
    copy.add(xml::Element(xmpp::ns::carbons, direction))
        .add(xml::Element(xmpp::ns::forward, "forwarded"))
        .add(message.encode());
    return im::envelope(std::move(copy));
}

void send_copies(User& user, const xmpp::Stanza& message, std::string_view direction,
                 const std::vector<std::string>& to) {
    auto envelope = wrap(message, direction, user.jid());
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
    for (const auto& s : sessions) others.push_back({s->jid().resource(), s->available(), s->priority, s->carbons});
    send_copies(sender.user(), message, "sent", im::sent_copies(message, others));
}

void send_received_carbons(User& user, const xmpp::Stanza& message, const std::vector<std::string>& to) {
    send_copies(user, message, "received", to);
}

}  // namespace parley::server
