#include "gateway/mapping/error_tables.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "gateway/mapping/text.hpp"

namespace parley::gateway {
namespace {

// RFC 7247 7.1. Where it leaves a choice: remote-server-not-found is 404 (a name that does not resolve is a timeout for
// a SIP peer, but ours resolved); service-unavailable is 403, since only messages and presence cross the gateway and
// 405 speaks of methods, and never 503, which would make the peer shun our server; unexpected-request is 491.
constexpr std::array xmpp_to_sip{
    ErrorRow{"bad-request", 400, 400},
    ErrorRow{"conflict", 400, 400},
    ErrorRow{"feature-not-implemented", 405, 501},
    ErrorRow{"forbidden", 403, 603},
    ErrorRow{"gone", 410, 410},
    ErrorRow{"internal-server-error", 500, 500},
    ErrorRow{"item-not-found", 404, 604},
    ErrorRow{"jid-malformed", 400, 400},
    ErrorRow{"not-acceptable", 406, 606},
    ErrorRow{"not-allowed", 403, 403},
    ErrorRow{"not-authorized", 401, 401},
    ErrorRow{"policy-violation", 403, 403},
    ErrorRow{"recipient-unavailable", 480, 600},
    ErrorRow{"redirect", 302, 302},
    ErrorRow{"registration-required", 407, 407},
    ErrorRow{"remote-server-not-found", 404, 404},
    ErrorRow{"remote-server-timeout", 408, 408},
    ErrorRow{"resource-constraint", 500, 500},
    ErrorRow{"service-unavailable", 403, 403},
    ErrorRow{"subscription-required", 400, 400},
    ErrorRow{"undefined-condition", 400, 400},
    ErrorRow{"unexpected-request", 491, 491},
};

struct StatusRow {
    int status;
    std::string_view condition;
};

// RFC 7247 7.2. Statuses without a line take their class's, below.
constexpr std::array sip_to_xmpp{
    StatusRow{301, "gone"},
    StatusRow{380, "not-acceptable"},
    StatusRow{401, "not-authorized"},
    StatusRow{403, "forbidden"},
    StatusRow{404, "item-not-found"},
    StatusRow{405, "feature-not-implemented"},
    StatusRow{406, "not-acceptable"},
    StatusRow{407, "registration-required"},
    StatusRow{408, "remote-server-timeout"},
    StatusRow{410, "gone"},
    StatusRow{413, "policy-violation"},
    StatusRow{414, "policy-violation"},
    StatusRow{415, "not-acceptable"},
    StatusRow{416, "not-acceptable"},
    StatusRow{420, "feature-not-implemented"},
    StatusRow{421, "not-acceptable"},
    StatusRow{423, "resource-constraint"},
    StatusRow{430, "recipient-unavailable"},
    StatusRow{439, "feature-not-implemented"},
    StatusRow{440, "policy-violation"},
    StatusRow{480, "recipient-unavailable"},
    StatusRow{481, "item-not-found"},
    StatusRow{482, "not-acceptable"},
    StatusRow{483, "not-acceptable"},
    StatusRow{484, "item-not-found"},
    StatusRow{485, "item-not-found"},
    StatusRow{486, "recipient-unavailable"},
    StatusRow{487, "recipient-unavailable"},
    StatusRow{488, "not-acceptable"},
    StatusRow{489, "policy-violation"},
    StatusRow{491, "unexpected-request"},
    StatusRow{501, "feature-not-implemented"},
    StatusRow{502, "remote-server-not-found"},
    StatusRow{504, "remote-server-timeout"},
    StatusRow{505, "not-acceptable"},
    StatusRow{513, "policy-violation"},
    StatusRow{604, "item-not-found"},
    StatusRow{606, "not-acceptable"},
};

// COMPAT(OCS, Lync): 6xx shows such a client's user a fault of the service; 400 makes it drop the contact until its
// user signs in again, so that only a request that is wrong itself gets it; a challenge that nobody can meet says
// nothing.
int to_4xx(int status, std::string_view condition) {
    if (condition == "subscription-required") return 403;
    switch (status) {
        case 400: return condition == "bad-request" || condition == "jid-malformed" ? 400 : 480;
        case 401:
        case 407: return 403;
        case 600: return 480;
        case 603: return 403;
        case 604: return 404;
        case 606: return 406;
        default: return status;
    }
}

// The first quoted string of a Warning value, or the reason parameter of ms-diagnostics: what the peer wrote for
// people.
std::string_view quoted(std::string_view value, std::string_view before) {
    const auto lower = to_lower(value);
    auto at = lower.find(before);
    if (at == std::string_view::npos) return {};
    at += before.size();
    auto end = at;
    while (end < value.size() && value[end] != '"') end += value[end] == '\\' ? 2u : 1u;
    return end < value.size() ? value.substr(at, end - at) : std::string_view{};
}

}  // namespace

std::span<const ErrorRow> error_table() {
    return xmpp_to_sip;
}

int to_sip_status(std::string_view condition, Addressee addressee, const Profile& profile, bool new_address) {
    if (condition == "gone" && new_address) return 301;
    const auto row = std::find_if(xmpp_to_sip.begin(), xmpp_to_sip.end(),
                                  [&](const ErrorRow& r) { return r.condition == condition; });
    const int unknown = 400;  // as undefined-condition
    const auto status = row == xmpp_to_sip.end() ? unknown : addressee == Addressee::full ? row->full : row->bare;
    return profile.only_4xx ? to_4xx(status, condition) : status;
}

std::string_view to_condition(int status) {
    for (const auto& row : sip_to_xmpp)
        if (row.status == status) return row.condition;
    switch (status / 100) {
        case 3: return "redirect";
        case 4: return "bad-request";
        case 5: return "internal-server-error";
        case 6: return "recipient-unavailable";
        default: return "undefined-condition";
    }
}

xmpp::StanzaError to_stanza_error(int status, std::string_view text) {
    return xmpp::stanza_error(to_condition(status), text);
}

xmpp::StanzaError to_stanza_error(const sip::Message& response) {
    auto diagnostics = response.header(sip::HeaderId::ms_diagnostics_public);
    if (diagnostics.empty()) diagnostics = response.header(sip::HeaderId::ms_diagnostics);
    return to_stanza_error(response.status(), error_text(response.status(), response.reason_phrase(), diagnostics,
                                                         response.header(sip::HeaderId::warning)));
}

std::string error_text(int status, std::string_view reason_phrase, std::string_view diagnostics,
                       std::string_view warning) {
    constexpr std::size_t most = 256;
    std::string text = "The partner answered " + std::to_string(status);
    if (!reason_phrase.empty()) text.append(" (").append(reason_phrase).append(")");
    auto why = quoted(diagnostics, "reason=\"");
    if (why.empty()) why = quoted(warning, "\"");
    if (!why.empty()) text.append(": ").append(why);
    return std::string(clip(to_xml_text(text), most));
}

}  // namespace parley::gateway
