#include <iomanip>
#include <iostream>

#include <boost/json.hpp>

#include "apps/parleyctl/commands.hpp"
#include "gateway/profile.hpp"
#include "im/xmpp_profile.hpp"

// federation presence: the tables by which presence is translated, printed from the very data that translates it.
namespace parley::ctl {
namespace {

namespace json = boost::json;
using gateway::Origin;

std::string quoted(std::string_view text) {
    return text.empty() ? std::string{} : " \"" + std::string(text) + "\"";
}

const char* mark(bool ours) {
    return ours ? "  *" : "";
}

void print(const gateway::Profile& profile) {
    constexpr int width = 18;
    const auto cell = [](std::string_view text) { return std::string(text) + std::string(width - text.size(), ' '); };
    std::cout << profile.name << " (" << profile.title
              << ")\n  its user is        third-party client    native client\n";
    for (const auto& row : profile.presence->inbound) {
        const auto other = std::string(im::to_string(row.to_third_party)) + quoted(row.status);
        std::cout << "  " << cell(im::to_string(row.theirs)) << " " << std::left << std::setw(22) << other
                  << im::to_string(row.to_native)
                  << mark(row.third_party_origin == Origin::nearest || row.native_origin == Origin::nearest) << "\n";
    }
    std::cout << "  our user is        is shown there as\n";
    for (const auto& row : profile.presence->outbound)
        std::cout << "  " << cell(im::to_string(row.ours)) << " " << im::to_string(row.theirs)
                  << mark(row.origin == Origin::nearest) << "\n";
}

void print(const im::XmppProfile& profile) {
    std::cout << profile.name << " (" << profile.title << ")\n  its users are shown as they say it";
    if (!profile.meeting.empty())
        std::cout << "; away with \"" << profile.meeting << "\" is available to third-party clients";
    std::cout << "\n  our user is        is written there as\n";
    for (const auto& row : profile.written)
        std::cout << "  " << std::left << std::setw(19) << im::to_string(row.ours) << im::to_string(row.written)
                  << mark(row.origin == im::WrittenRow::Origin::nearest) << "\n";
}

json::object as_json(const im::XmppProfile& profile) {
    json::array ours;
    for (const auto& row : profile.written)
        ours.push_back({{"state", im::to_string(row.ours)},
                        {"shown", im::to_string(row.written)},
                        {"required", row.origin == im::WrittenRow::Origin::required}});
    return {{"profile", profile.name}, {"meeting", profile.meeting}, {"our_users", std::move(ours)}};
}

json::object as_json(const gateway::Profile& profile) {
    json::array theirs, ours;
    for (const auto& row : profile.presence->inbound)
        theirs.push_back({{"state", im::to_string(row.theirs)},
                          {"third_party", im::to_string(row.to_third_party)},
                          {"third_party_text", row.status},
                          {"native", im::to_string(row.to_native)},
                          {"third_party_required", row.third_party_origin == Origin::required},
                          {"native_required", row.native_origin == Origin::required}});
    for (const auto& row : profile.presence->outbound)
        ours.push_back({{"state", im::to_string(row.ours)},
                        {"shown", im::to_string(row.theirs)},
                        {"required", row.origin == Origin::required}});
    return {{"profile", profile.name}, {"their_users", std::move(theirs)}, {"our_users", std::move(ours)}};
}

}  // namespace

int run_federation_presence(const Context& context, const std::string& kind) {
    json::array all;
    std::string names;
    bool found = false;
    const auto take = [&](const auto& profile) {
        names.append(names.empty() ? "" : ", ").append(profile.name);
        if (!kind.empty() && kind != profile.name) return;
        found = true;
        context.output.json ? void(all.push_back(as_json(profile))) : print(profile);
    };
    for (const auto& profile : gateway::profiles()) take(profile);
    for (const auto& profile : im::xmpp_profiles()) take(profile);
    if (!found) return context.output.fail(exit_usage, {"rule.profile-unknown", {kind, names}});
    if (context.output.json)
        std::cout << json::serialize(all) << "\n";
    else
        std::cout << "* the nearest value, where nothing is required\n";
    return exit_ok;
}

}  // namespace parley::ctl
