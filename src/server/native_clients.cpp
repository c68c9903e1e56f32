#include "server/native_clients.hpp"

#include "server/session.hpp"
#include "server/shard.hpp"
#include "server/user.hpp"
#include "xmpp/ns.hpp"

namespace parley::server {

using xmpp::Stanza;

void NativeClients::on_available(Session& session) {
    const auto caps = xmpp::find<xmpp::Caps>(*session.presence);
    session.native = session.shows_xhtml = false;
    session.caps_question.clear();
    if (!caps || caps->hash.empty()) return;
    if (const auto* features = known_.features(*caps)) {
        session.native = features->contains(std::string(xmpp::ns::native));
        session.shows_xhtml = features->contains(std::string(xmpp::ns::xhtml_im));
        return;
    }
    session.caps_question = "caps-" + std::to_string(++questions_);
    Stanza question;
    question.kind = Stanza::Kind::iq;
    question.type = "get";
    question.id = session.caps_question;
    question.from = session.jid().domain_jid();
    question.to = session.jid();
    question.add(xml::Element(xmpp::ns::disco_info, "query")).set("node", caps->node + '#' + caps->ver);
    session.deliver(im::envelope(std::move(question)));
}

bool NativeClients::on_answer(Session& session, const Stanza& answer) {
    if (session.caps_question.empty() || answer.id != session.caps_question) return false;
    session.caps_question.clear();
    if (answer.is_error() || !session.presence) return true;
    const auto info = xmpp::find<xmpp::DiscoInfo>(answer);
    const auto caps = xmpp::find<xmpp::Caps>(*session.presence);
    if (!info || !caps || !known_.learn(*caps, *info)) return true;
    const auto* features = known_.features(*caps);
    session.native = features && features->contains(std::string(xmpp::ns::native));
    session.shows_xhtml = features && features->contains(std::string(xmpp::ns::xhtml_im));
    if (!session.native) return true;
    for (const auto& [contact, item] : session.user().roster().items) {
        if (!item.has_to() || session.user().blocks(contact)) continue;
        Stanza probe;
        probe.kind = Stanza::Kind::presence;
        probe.type = "probe";
        probe.from = session.jid();
        probe.to = contact;
        shard_.send(std::move(probe));
    }
    return true;
}

}  // namespace parley::server
