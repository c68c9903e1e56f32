#include "admin/user_policy_json.hpp"

namespace parley::admin {
namespace {

namespace json = boost::json;

std::string_view text(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value && value->is_string() ? std::string_view(value->get_string()) : std::string_view{};
}

std::optional<im::DecidedBy> decided_by(std::string_view word) {
    for (const auto by : {im::DecidedBy::administrator, im::DecidedBy::native_client, im::DecidedBy::client,
                          im::DecidedBy::blocking_command, im::DecidedBy::privacy_list})
        if (im::to_string(by) == word) return by;
    return std::nullopt;
}

std::optional<im::PolicyEntry> entry_from(const json::value& value) {
    if (!value.is_object()) return std::nullopt;
    const auto& fields = value.get_object();
    const auto who = xmpp::Jid::parse(text(fields, "who"));
    const auto verdict = im::verdict_of(text(fields, "verdict"));
    const auto by = decided_by(text(fields, "by"));
    const auto* at = fields.if_contains("at");
    if (!who || !verdict || !by || !at || !at->is_int64()) return std::nullopt;
    return im::PolicyEntry{*who, *verdict, *by, TimePoint{Seconds{at->get_int64()}}};
}

}  // namespace

json::object user_policy_json(const im::UserPolicy& policy) {
    json::array entries;
    for (const auto& entry : policy.entries())
        entries.emplace_back(
            json::object{{"who", entry.who.to_string()},
                         {"verdict", im::to_string(entry.verdict)},
                         {"by", im::to_string(entry.by)},
                         {"at", std::chrono::duration_cast<Seconds>(entry.at.time_since_epoch()).count()}});
    return {{"inside", im::to_string(policy.inside)},
            {"outside", im::to_string(policy.outside)},
            {"entries", std::move(entries)}};
}

std::optional<im::UserPolicy> user_policy_from(const json::object& object) {
    const auto inside = im::verdict_of(text(object, "inside"));
    const auto outside = im::verdict_of(text(object, "outside"));
    const auto* entries = object.if_contains("entries");
    if (!inside || !outside || !entries || !entries->is_array()) return std::nullopt;
    im::UserPolicy policy;
    policy.inside = *inside;
    policy.outside = *outside;
    for (const auto& value : entries->get_array()) {
        auto entry = entry_from(value);
        if (!entry) return std::nullopt;
        policy.put(*std::move(entry));
    }
    return policy;
}

}  // namespace parley::admin
