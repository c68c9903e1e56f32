#include "sip/header/subscription_state.hpp"

#include "base/text.hpp"
#include "sip/header/numbers.hpp"

namespace parley::sip {

std::string SubscriptionState::to_string() const {
    std::string out = value == Value::active ? "active" : value == Value::pending ? "pending" : "terminated";
    if (!reason.empty()) out += ";reason=" + reason;
    if (expires) out += ";expires=" + std::to_string(expires->count());
    if (retry_after) out += ";retry-after=" + std::to_string(retry_after->count());
    return out;
}

Result<SubscriptionState> parse_subscription_state(std::string_view value) {
    Cursor cursor{value};
    cursor.skip_space();
    const auto word = cursor.token();
    if (word.empty()) return Error{Errc::malformed, "Subscription-State without a state"};
    SubscriptionState state;
    if (equal_ignoring_case(word, "active")) state.value = SubscriptionState::Value::active;
    if (equal_ignoring_case(word, "terminated")) state.value = SubscriptionState::Value::terminated;
    const auto params = Params::parse(cursor);
    if (!params) return params.error();
    if (!cursor.at_end()) return Error{Errc::malformed, "text after a Subscription-State"};
    if (const auto expires = params->get("expires")) state.expires = parse_delta(*expires);
    if (const auto after = params->get("retry-after")) state.retry_after = parse_delta(*after);
    state.reason = to_lower(params->get("reason").value_or(""));
    return state;
}

}  // namespace parley::sip
