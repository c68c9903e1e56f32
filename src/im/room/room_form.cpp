#include <array>

#include "base/text.hpp"
#include "im/room/room.hpp"
#include "xmpp/ns.hpp"

namespace parley::im {
namespace {

namespace ns = xmpp::ns;

constexpr std::size_t longest_line = 256, longest_text = 4096;

struct TextField {
    std::string_view var, label, type;
    std::string RoomConfig::*member;
    std::size_t most;
};
constexpr std::array texts{
    TextField{"muc#roomconfig_roomname", "Name of the room", "text-single", &RoomConfig::name, longest_line},
    TextField{"muc#roomconfig_roomdesc", "What it is for", "text-single", &RoomConfig::description, longest_text},
    TextField{"muc#roomconfig_roomsecret", "Password; empty: none is asked for", "text-private", &RoomConfig::password,
              longest_line},
};
struct SwitchField {
    std::string_view var, label;
    bool RoomConfig::*member;
};
constexpr std::array switches{
    SwitchField{"muc#roomconfig_publicroom", "Shown in the list of rooms", &RoomConfig::listed},
    SwitchField{"muc#roomconfig_membersonly", "Only members may enter", &RoomConfig::members_only},
    SwitchField{"muc#roomconfig_moderatedroom", "Who is no member may only listen", &RoomConfig::moderated},
    SwitchField{"muc#roomconfig_changesubject", "Everybody may change the subject", &RoomConfig::anyone_subject},
    SwitchField{"muc#roomconfig_allowinvites", "Everybody may invite people", &RoomConfig::anyone_invites},
};
constexpr std::string_view whois = "muc#roomconfig_whois";
constexpr std::string_view protected_room = "muc#roomconfig_passwordprotectedroom";
constexpr std::string_view form_type = "http://jabber.org/protocol/muc#roomconfig";

xml::Element& add_field(xml::Element& form, std::string_view var, std::string_view type, std::string_view label,
                        std::string_view value) {
    auto& field = form.add(xml::Element(ns::data_form, "field"));
    field.set("var", var).set("type", type);
    if (!label.empty()) field.set("label", label);
    field.add(xml::Element(ns::data_form, "value").with_text(value));
    return field;
}

bool is_true(std::string_view value) {
    return value == "1" || value == "true";
}

}  // namespace

xml::Element room_form(const RoomConfig& config) {
    xml::Element form(ns::data_form, "x");
    form.set("type", "form");
    form.add(xml::Element(ns::data_form, "title").with_text("Settings of this room"));
    add_field(form, "FORM_TYPE", "hidden", {}, form_type);
    for (const auto& each : texts) add_field(form, each.var, each.type, each.label, config.*each.member);
    add_field(form, protected_room, "boolean", "A password is asked for", config.password.empty() ? "0" : "1");
    for (const auto& each : switches) add_field(form, each.var, "boolean", each.label, config.*each.member ? "1" : "0");
    auto& field = add_field(form, whois, "list-single", "Who sees people's addresses",
                            config.shows_addresses ? "anyone" : "moderators");
    for (const std::string_view value : {"moderators", "anyone"})
        field.add(xml::Element(ns::data_form, "option"))
            .set("label", value)
            .add(xml::Element(ns::data_form, "value").with_text(value));
    return form;
}

Result<RoomConfig> read_room_form(const xml::Element& form, RoomConfig before) {
    auto config = std::move(before);
    bool no_password = false;
    for (const auto* field : form.children()) {
        if (!field->is(ns::data_form, "field")) continue;
        const auto var = field->attribute("var");
        const auto* element = field->child(ns::data_form, "value");
        const auto value = element ? element->text() : std::string{};
        for (const auto& each : texts) {
            if (each.var != var) continue;
            if (value.size() > each.most) return Error{Errc::too_long, std::string(var)};
            config.*each.member = value;
        }
        for (const auto& each : switches)
            if (each.var == var) config.*each.member = is_true(value);
        if (var == whois) {
            if (value != "anyone" && value != "moderators") return Error{Errc::malformed, std::string(var)};
            config.shows_addresses = value == "anyone";
        }
        if (var == protected_room) no_password = !is_true(value);
    }
    if (no_password) config.password.clear();
    return config;
}

}  // namespace parley::im
