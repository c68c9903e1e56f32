#include <algorithm>

#include "im/room/room.hpp"
#include "xmpp/ns.hpp"
#include "xmpp/payload/disco.hpp"

namespace parley::im {

using xmpp::Stanza;
namespace ns = xmpp::ns;

namespace {

RoomStep refusal(std::string_view condition, std::string_view text = {}) {
    RoomStep step;
    step.refused = xmpp::stanza_error(condition, text);
    return step;
}

RoomStep answer(const Stanza& iq, std::optional<xml::Element> payload = {}) {
    RoomStep step;
    auto reply = iq.reply();
    if (payload) reply.add(*std::move(payload));
    step.send.push_back(envelope(std::move(reply)));
    return step;
}

}  // namespace

RoomStep Room::on_iq(const Stanza& iq, const xmpp::Jid& to, const Moment& at) {
    const auto& payload = *iq.payload();
    const bool get = iq.type == "get";
    const auto* occupant = find_client(iq.from);
    if (!to.is_bare()) {
        // XEP-0410: who pings the own nickname asks whether it is still here.
        if (!occupant) return refusal("not-acceptable", "you are not in this room");
        if (get && payload.is(ns::ping, "ping") && occupant->nick == to.resource()) return answer(iq);
        return refusal(find_nick(to.resource()) ? "service-unavailable" : "item-not-found");
    }
    if (get && payload.is(ns::ping, "ping")) return answer(iq);
    if (get && payload.is(ns::disco_info, "query"))
        return payload.attribute("node").empty() ? answer(iq, info()) : refusal("item-not-found");
    if (get && payload.is(ns::disco_items, "query")) {
        const bool may_see = occupant || (record_.config.listed && !record_.config.members_only);
        return answer(iq, may_see ? items() : xmpp::encode(xmpp::DiscoItems{}));
    }
    if (payload.is(ns::muc_owner, "query")) return owner_request(iq, at);
    if (payload.is(ns::muc_admin, "query")) {
        const Actor actor{iq.from, record_.affiliation(iq.from), occupant ? occupant->role : Role::none};
        if (!get) return change_people(iq, payload, actor, at);
        const auto* item = payload.child(ns::muc_admin, "item");
        return item ? list_people(iq, *item, actor) : refusal("bad-request");
    }
    return refusal("service-unavailable");
}

xml::Element Room::info() const {
    const auto& config = record_.config;
    xmpp::DiscoInfo info;
    info.identities.push_back({"conference", "text", config.name.empty() ? jid_.local() : config.name, {}});
    for (const std::string_view feature :
         {ns::muc, ns::disco_info, ns::disco_items, ns::ping, ns::stanza_id, std::string_view("muc_persistent"),
          std::string_view(config.listed ? "muc_public" : "muc_hidden"),
          std::string_view(config.members_only ? "muc_membersonly" : "muc_open"),
          std::string_view(config.moderated ? "muc_moderated" : "muc_unmoderated"),
          std::string_view(config.shows_addresses ? "muc_nonanonymous" : "muc_semianonymous"),
          std::string_view(config.password.empty() ? "muc_unsecured" : "muc_passwordprotected")})
        info.features.emplace_back(feature);
    std::sort(info.features.begin(), info.features.end());
    xml::Element form(ns::data_form, "x");  // XEP-0045 15.5.4
    form.set("type", "result");
    const auto add = [&](std::string_view var, const std::string& value) {
        auto& field = form.add(xml::Element(ns::data_form, "field"));
        field.set("var", var);
        field.add(xml::Element(ns::data_form, "value").with_text(value));
        return &field;
    };
    add("FORM_TYPE", "http://jabber.org/protocol/muc#roominfo")->set("type", "hidden");
    add("muc#roominfo_description", config.description);
    add("muc#roominfo_subject", record_.subject);
    add("muc#roominfo_occupants", std::to_string(occupants_.size()));
    info.forms.push_back(std::move(form));
    return xmpp::encode(info);
}

xml::Element Room::items() const {
    xmpp::DiscoItems items;
    for (const auto& occupant : occupants_) items.items.push_back({address(occupant->nick), {}, {}});
    for (const auto& contact : record_.contacts)
        if (contact.state == RoomContact::State::joined) items.items.push_back({address(contact.nick), {}, {}});
    return xmpp::encode(items);
}

// ---- the owner (XEP-0045 10)

RoomStep Room::owner_request(const Stanza& iq, const Moment& at) {
    if (record_.affiliation(iq.from) != Affiliation::owner) return refusal("forbidden", "only the room's owners may");
    const auto& query = *iq.payload();
    if (iq.type == "get") {
        xml::Element form(ns::muc_owner, "query");
        form.add(room_form(record_.config));
        return answer(iq, std::move(form));
    }
    if (const auto* element = query.child(ns::muc_owner, "destroy")) return destroy(iq, *element, at);
    const auto* form = query.child(ns::data_form, "x");
    if (!form) return refusal("bad-request");
    if (form->attribute("type") == "cancel") return answer(iq);
    return configure(iq, *form);
}

RoomStep Room::configure(const Stanza& iq, const xml::Element& form) {
    auto config = read_room_form(form, record_.config);
    if (!config) return refusal("not-acceptable", "the setting " + config.error().detail + " cannot be so");
    const bool was_open = !record_.config.members_only, showed = record_.config.shows_addresses;
    record_.config = *std::move(config);
    RoomStep step;
    step.save = true;
    if (was_open && record_.config.members_only) {  // XEP-0045 10.2.1: who is no member has to leave
        std::vector<std::string> strangers;
        for (const auto& occupant : occupants_)
            if (record_.affiliation(occupant->bare) < Affiliation::member) strangers.push_back(occupant->nick);
        for (const auto& nick : strangers) remove(step, *find_nick(nick), {Role::none, false, {322}, {}, {}, {}, {}});
    }
    for (const auto& occupant : occupants_) {
        const auto affiliation = record_.affiliation(occupant->bare);
        const auto role = first_role(affiliation);
        if (affiliation >= Affiliation::admin || occupant->role == Role::moderator || occupant->role == role) continue;
        occupant->role = role;
        show(step, *occupant, occupant->clients.back(), {role, true, {}, {}, {}, {}, {}});
    }
    Stanza changed;  // XEP-0045 10.2.1
    changed.kind = Stanza::Kind::message;
    changed.type = "groupchat";
    changed.from = jid_;
    auto& x = changed.add(xml::Element(ns::muc_user, "x"));
    const bool shows = record_.config.shows_addresses;
    const int code = shows == showed ? 104 : shows ? 172 : 173;
    x.add(xml::Element(ns::muc_user, "status")).set("code", std::to_string(code));
    to_all(step, std::make_shared<const Stanza>(std::move(changed)));
    step.send.push_back(envelope(iq.reply()));
    return step;
}

RoomStep Room::destroy(const Stanza& iq, const xml::Element& element, const Moment& at) {
    RoomStep step;
    step.destroyed = true;
    Said said{Role::none, false, {}, {}, {}, {}, {}};
    said.destroy = xml::Element(ns::muc_user, "destroy");
    if (element.has_attribute("jid")) said.destroy->set("jid", element.attribute("jid"));
    if (const auto* reason = element.child(ns::muc_owner, "reason"))
        said.destroy->add(xml::Element(ns::muc_user, "reason").with_text(reason->text()));
    for (const auto& occupant : occupants_)
        for (const auto& client : occupant->clients) {
            Envelope sent;
            sent.stanza = presence_of(*occupant, client, said, false, true);
            sent.to = client.jid;
            step.send.push_back(std::move(sent));
        }
    for (const auto& contact : record_.contacts)
        if (contact.state != RoomContact::State::left) dismiss(step, contact, say({}, "room.is-closed", {}), at);
    occupants_.clear();
    record_.contacts.clear();
    step.send.push_back(envelope(iq.reply()));
    return step;
}

}  // namespace parley::im
